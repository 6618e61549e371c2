"""What a study refuses before it runs anything."""

import pytest

from experiment.errors import ConfigError


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ({"variants": {"a": {}}}, "study.variants must name at least two variants, got a"),
        ({"baseline": "z"}, "study.baseline must be one of a, b, c, d, got 'z'"),
        ({"seeds": 0}, "study.seeds must be above 0"),
        ({"metric": "train_loss"}, "study.metric must be an error rate or the loss of validations"),
        ({"metric": "val_blank_share"}, "study.metric must be an error rate or the loss of validations"),
        (
            {"variants": {"a": {}, "b": {"overrides": {"seed_everything": 7}}}},
            "study.variants.b: overrides: seed_everything is the same for all variants",
        ),
        ({"metric": "val_blue"}, "study.metric must be among .*val_per.*got 'val_blue'"),
        ({"variants": {"a/b": {}, "c": {}}}, "study.variants"),
        (
            {"variants": {"a": {}, "b": {"overrides": {"model.lrr": 1, "model.x.y": 2}}}},
            "study.variants.b: overrides: model.x.y does not exist",
        ),
        (
            {
                "tune": {
                    "n_trials": 0,
                    "search_spaces": {"model.lr": {"distribution": "uniform", "low": 0, "high": 1}},
                }
            },
            "study.tune.n_trials must be above 0",
        ),
        (
            {
                "tune": {
                    "n_trials": 2,
                    "search_spaces": {"model.name": {"distribution": "uniform", "relative": [1, 2]}},
                }
            },
            "study.variants.a: study.tune.search_spaces: model.name: relative needs a number .* it has 'a'",
        ),
        (
            {
                "tune": {
                    "n_trials": 2,
                    "search_spaces": {"model.lr": {"distribution": "uniform", "relative": [1]}},
                }
            },
            "relative must be two numbers",
        ),
        (
            {
                "tune": {
                    "n_trials": 2,
                    "search_spaces": {"trainer.max_steps": {"distribution": "int", "low": 1, "high": 9}},
                }
            },
            "study.tune.search_spaces: trainer.max_steps decides how much a run computes",
        ),
    ],
)
def test_a_mistake_in_a_study_is_named(stand_in, place, study, message):
    with pytest.raises(ConfigError, match=message):
        stand_in.study(stand_in.study_base(place.root, **study))


def more_steps(stand_in, place, **study):
    base = stand_in.study_base(place.root, seeds=1, baseline="a", **study)
    base["study"]["variants"]["c"]["overrides"]["trainer.max_steps"] = 60
    return base


def test_no_variant_gets_a_larger_budget(stand_in, place):
    with pytest.raises(ConfigError, match=r"study.variants.c: trainer.max_steps must be .* a, 30, got 60"):
        stand_in.study(more_steps(stand_in, place))


def test_a_study_may_allow_unequal_budgets(stand_in, place):
    assert stand_in.study(more_steps(stand_in, place, equal_budgets=False)) == 0


def test_early_stopping_is_not_tuned(stand_in, place):
    tune = {"trainer.callbacks[1].init_args.patience": {"distribution": "int", "low": 1, "high": 9}}
    base = stand_in.study_base(place.root, tune={"n_trials": 2, "search_spaces": tune})
    stopping = {"monitor": "val_per", "patience": 3}
    base["trainer"]["callbacks"].append(
        {"class_path": "lightning.pytorch.callbacks.EarlyStopping", "init_args": stopping}
    )
    with pytest.raises(ConfigError, match="patience decides how much a run computes"):
        stand_in.study(base)
    choices = {
        "trainer.callbacks": {"distribution": "categorical", "choices": [base["trainer"]["callbacks"]]}
    }
    base["study"]["tune"]["search_spaces"] = choices
    with pytest.raises(ConfigError, match="trainer.callbacks decides how much a run computes"):
        stand_in.study(base)


def test_no_variant_may_stop_earlier(stand_in, place):
    base = stand_in.study_base(place.root, baseline="a")
    base["study"]["variants"]["c"]["overrides"]["trainer.callbacks"] = [
        *base["trainer"]["callbacks"],
        {"class_path": "lightning.pytorch.callbacks.EarlyStopping", "init_args": {"monitor": "val_per"}},
    ]
    with pytest.raises(ConfigError, match=r"study.variants.c: callbacks that end a run .* the baseline a"):
        stand_in.study(base)


def test_a_study_without_test_metrics_is_refused(stand_in, place):
    base = stand_in.study_base(place.root)
    base["trainer"]["callbacks"] = None
    with pytest.raises(
        ConfigError, match="study.variants.a: trainer.callbacks must have .*LogMetricsCallback"
    ):
        stand_in.study(base)


def test_files_of_a_variant_lie_over_the_study(stand_in, place):
    file = place.root / "faster.yaml"
    file.write_text("model: {lr: 0.3}")
    base = stand_in.study_base(place.root, seeds=1)
    base["study"]["variants"]["d"]["config"] = str(file)
    assert stand_in.study(base) == 0
    starts = (place.root / "experiments/demo_study/started.txt").read_text().splitlines()
    assert [line.split()[2] for line in starts] == ["0.1", "0.2", "0.1", "0.3"]
