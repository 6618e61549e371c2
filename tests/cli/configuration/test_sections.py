"""What the command line hands to a search, and when."""

from pathlib import Path

import pytest

from cli.run import run
from experiment.errors import ConfigError
from tuning.search_plan import SearchPlan
from tuning.space.parameters import all_parameters

REFERENCE = Path(__file__).parents[2] / "reference.yaml"
DEMO = Path(__file__).parents[3] / "config/tuning/demo.yaml"


def names_of(space):
    """The parameters of a search space, those within choices too."""
    return [parameter.name for parameter in all_parameters(space.parameters)]


@pytest.fixture
def request_of(tmp_path, monkeypatch):
    """The request that a command starts a search with."""

    def request_of(*arguments):
        seen = []
        status = run(arguments, lambda request: seen.append(request) or 7)
        assert status == 7
        return seen[0]

    return request_of


def test_the_configuration_as_users_write_it_is_a_search(request_of):
    request = request_of("fit", "--config", str(REFERENCE), "--optuna.tune", "true")
    plan = SearchPlan.of(request)
    noise = "data.augmentations[0].init_args"
    assert names_of(plan.space) == [f"{noise}.{name}" for name in ("min_amplitude", "max_amplitude", "p")]
    assert plan.metrics == ["val_cer"]
    assert plan.name == "test_search"
    assert request.config["trainer"]["max_epochs"] == 200


def test_declared_parameters_and_components_are_searched(request_of):
    plan = SearchPlan.of(request_of("fit", "--config", str(DEMO)))
    assert "model.optimizer[SGD].init_args.momentum" in names_of(plan.space)
    assert plan.section.n_trials == 12


SPACE = "{distribution: uniform, low: 0.1, high: 0.2}"


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("model.lrr", "nearest: model.lr"),
        ("data.augmentations[0].init_args.q", "data.augmentations[0].init_args.p"),
        ("data.augmentations[9].init_args.p", "has 7 entries, [0] to [6]"),
        ("trainer.callbacks[0].init_args.save_topk", "save_top_k"),
        ("dataset_classes[1].init_args.validation_splt", "validation_split"),
    ],
)
def test_a_path_that_is_not_there_names_what_is_near(request_of, path, near):
    request = request_of(
        "fit",
        "--config",
        str(REFERENCE),
        "--optuna.tune",
        "true",
        "--optuna.search_spaces",
        f"{{'{path}': {SPACE}}}",
    )
    with pytest.raises(ConfigError) as refusal:
        SearchPlan.of(request)
    assert near in str(refusal.value)


@pytest.mark.parametrize(
    "path",
    [
        "model.network_config.hidden_dropout",
        "model.momentum",
        "callbacks[0].init_args.every_n_epochs",
        "dataset_classes[1].init_args.validation_split",
        "trainer.gradient_clip_val",
        "augmentations[2].init_args.min_rolloff",
    ],
)
def test_a_parameter_that_is_declared_and_not_written_is_one(request_of, path):
    space = SPACE if "every_n" not in path else "{distribution: int, low: 1, high: 2}"
    request = request_of(
        "fit",
        "--config",
        str(REFERENCE),
        "--optuna.tune",
        "true",
        "--optuna.search_spaces",
        f"{{'{path}': {space}}}",
    )
    assert names_of(SearchPlan.of(request).space)[0].endswith(path)


def test_only_fitting_searches(capsys):
    """Evaluating a configuration with a search section is evaluating."""
    arguments = ["test", "--config", str(DEMO), "--custom_folder_name", "nothing_of_this_name"]
    status = run(arguments, lambda _: pytest.fail("it searched"))
    assert status == 2
    assert "nothing_of_this_name" in capsys.readouterr().err


def test_threads_are_set_before_anything_is_built(monkeypatch):
    set_to = []
    monkeypatch.setattr("torch.set_num_threads", set_to.append)
    arguments = ["test", "--config", str(DEMO), "--custom_folder_name", "nothing_of_this_name"]
    assert run([*arguments, "--num_threads", "3"]) == 2
    assert run(arguments) == 2
    assert set_to == [3]
