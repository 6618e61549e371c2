"""Studies from configuration to results, with trials that only report."""

import json
from collections import Counter

import optuna
import pytest
import yaml

from experiment.errors import ConfigError, IncompleteError
from tuning.variants.variant_runs import RUN_SEED, VARIANT, RunOrder

TUNE = {"n_trials": 3, "search_spaces": {"model.lr": {"distribution": "loguniform", "relative": [0.5, 2.0]}}}


@pytest.fixture
def folder(place):
    return place.root / "experiments" / "demo_study"


def result_of(folder):
    return json.loads((folder / "study.json").read_text())


def starts_in(folder):
    path = folder / "started.txt"
    return [line.split() for line in path.read_text().splitlines()] if path.is_file() else []


def test_every_variant_is_run_with_every_seed_and_tested(stand_in, place, folder):
    assert stand_in.study(stand_in.study_base(place.root)) == 0
    result = result_of(folder)
    assert list(result["variants"]) == ["a", "b", "c", "d"]
    seeds = {
        name: [run["parameters"]["seed"] for run in one["runs"]] for name, one in result["variants"].items()
    }
    assert len(set(seeds["a"])) == 3
    assert seeds["a"] == seeds["b"] == seeds["c"] == seeds["d"]  # differences are paired
    assert len(starts_in(folder)) == 12
    assert all(run["tested"] > 0 for one in result["variants"].values() for run in one["runs"])
    config = yaml.safe_load((folder / "trials/0001/config.yaml").read_text())
    assert (config["model"]["name"], config["model"]["lr"]) == ("b", 0.2)
    assert "study" not in config
    assert config["trainer"].get("limit_test_batches") != 0
    assert config["trainer"]["callbacks"][-1]["init_args"]["metrics_only"] is False


def test_tuning_gives_each_variant_the_same_number_of_trials_with_one_seed(stand_in, place, folder):
    assert stand_in.study(stand_in.study_base(place.root, tune=TUNE, seeds=2)) == 0
    starts = {name: starts_in(folder / "tuning" / name) for name in "abcd"}
    assert {name: len(rows) for name, rows in starts.items()} == dict.fromkeys("abcd", 3)
    assert len({seed for rows in starts.values() for _, seed, _ in rows}) == 1
    result = result_of(folder)["variants"]
    for name, own in (("a", 0.1), ("b", 0.2)):
        rates = [float(rate) / own for *_, rate in starts[name]]
        assert sorted(rates) == pytest.approx([0.5, 1.0, 2.0])  # one range: evenly spaced
        assert rates == pytest.approx([float(rate) / 0.1 for *_, rate in starts["c"]])
        best = max(result[name]["tuning"], key=lambda run: run["parameters"]["model.lr"])
        assert result[name]["chosen"] == best["parameters"]  # val_per falls with the rate here
        configs = [
            yaml.safe_load(path.read_text()) for path in sorted((folder / "trials").glob("*/config.yaml"))
        ]
        used = {config["model"]["lr"] for config in configs if config["model"]["name"] == name}
        assert used == set(best["parameters"].values())
        assert result[name]["budget"] == {
            "tuning_trials": 3,
            "seeds": 2,
            "failed": 0,
            "steps": 150,
            "processor_seconds": 7.5,
        }


def test_the_same_command_again_runs_nothing_twice(stand_in, place, folder):
    base = stand_in.study_base(place.root, seeds=1)
    assert stand_in.study(base) == 0
    before = (folder / "study.json").read_text()
    assert stand_in.study(base) == 0
    assert len(starts_in(folder)) == 4
    assert (folder / "study.json").read_text() == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda base: base["model"].update(lr=0.4), "model.lr"),
        (lambda base: base["study"].update(seeds=2), "study.seeds"),
        (lambda base: base["study"]["variants"].pop("d"), "study.variants.d"),
        (lambda base: base["study"].update(tune=TUNE), "study.tune"),
    ],
)
def test_a_changed_study_of_the_same_name_is_refused(stand_in, place, change, named):
    assert stand_in.study(stand_in.study_base(place.root, seeds=1)) == 0
    base = stand_in.study_base(place.root, seeds=1)
    change(base)
    with pytest.raises(ConfigError, match="study.name: the study demo_study was begun") as error:
        stand_in.study(base)
    assert named in str(error.value)


def test_a_variant_whose_runs_fail_does_not_end_the_study(stand_in, place, folder):
    base = stand_in.study_base(place.root, seeds=2)
    base["study"]["variants"]["b"]["overrides"]["model.mode"] = "nan"
    assert stand_in.study(base) == 0
    result = result_of(folder)["variants"]
    assert Counter(run["state"] for run in result["b"]["runs"]) == {"fail": 2}
    assert result["b"]["budget"]["failed"] == 2
    assert result["a"]["budget"]["failed"] == 0


def test_a_variant_whose_tuning_finds_nothing_is_left_out(stand_in, place, folder, caplog):
    base = stand_in.study_base(place.root, tune=TUNE, seeds=2)
    base["study"]["variants"]["c"]["overrides"]["model.mode"] = "raise"
    assert stand_in.study(base) == 0
    assert "study.variants.c: none of its tuning trials has a value" in caplog.text
    result = result_of(folder)
    assert {name: len(one["runs"]) for name, one in result["variants"].items()} == {
        **dict.fromkeys("abd", 2),
        "c": 0,
    }
    assert "c was not run: none of its tuning trials has a value." in result["conclusions"]


def test_without_a_tuned_baseline_there_is_nothing_to_compare_with(stand_in, place):
    base = stand_in.study_base(place.root, tune=TUNE, baseline="c")
    base["study"]["variants"]["c"]["overrides"]["model.mode"] = "raise"
    with pytest.raises(IncompleteError, match="study.variants.c: none of its tuning trials has a value"):
        stand_in.study(base)


@pytest.mark.parametrize("metric", ["val_per", "val_loss"])
def test_results_of_other_test_data_are_not_compared(stand_in, place, folder, metric):
    base = stand_in.study_base(place.root, seeds=2, metric=metric)
    base["study"]["variants"]["b"]["overrides"]["data.name"] = "other"
    assert stand_in.study(base) == 0
    result = result_of(folder)
    runs = result["variants"]["b"]["runs"]
    assert {(run["tested"], run["failure"]) for run in runs} == {
        (None, "its test data are not the baseline's: other utterances, or other numbers of phonemes")
    }
    assert result["variants"]["b"]["result"]["mean"] is None


def test_the_others_keep_their_results_where_the_baseline_fails(stand_in, place, folder):
    base = stand_in.study_base(place.root, seeds=2, baseline="a")
    base["study"]["variants"]["a"]["overrides"]["model.mode"] = "nan"
    assert stand_in.study(base) == 0
    result = result_of(folder)["variants"]
    assert result["a"]["result"]["mean"] is None
    assert result["b"]["result"]["mean"] is not None
    assert result["b"]["interval_with_utterances"] is not None


def test_utterances_that_share_a_name_are_all_compared(stand_in, place, folder):
    base = stand_in.study_base(place.root, seeds=2)
    base["data"]["name"] = "shared"
    assert stand_in.study(base) == 0
    result = result_of(folder)["variants"]["a"]
    assert result["interval_with_utterances"]["low"] < result["result"]["mean"]


def test_trials_go_by_their_own_numbers():
    """Two workers without a common lock may expect the same number."""
    order = RunOrder(["a", "b"], [7, 8])
    study = optuna.create_study()
    drawn = []
    for _ in range(4):
        study.sampler = order.for_trial(0)
        trial = study.ask()
        drawn.append(
            (trial.suggest_categorical(VARIANT, ["a", "b"]), trial.suggest_categorical(RUN_SEED, [7, 8]))
        )
    assert drawn == [("a", 7), ("b", 7), ("a", 8), ("b", 8)]


def test_results_are_compared_with_the_baseline(stand_in, place, folder, caplog):
    base = stand_in.study_base(place.root, baseline="a")
    with caplog.at_level("INFO", logger="tuning"):
        assert stand_in.study(base) == 0
    result = result_of(folder)
    found = {one["name"]: one for one in result["differences"]}
    assert list(found) == ["b", "c", "d"]
    assert found["b"]["mean"] == pytest.approx(0.05)  # one error more of 20 phonemes
    assert found["c"]["mean"] == 0
    assert result["variants"]["b"]["result"]["mean"] == pytest.approx(
        result["variants"]["a"]["result"]["mean"] + 0.05
    )
    assert result["variants"]["a"]["interval_with_utterances"]["low"] > 0
    assert "a and c have the same results for every seed" in caplog.text
    page = (folder / "report.html").read_text()
    for title in ("What may be concluded", "Differences to a", "Curves of val_per", "Budgets and costs"):
        assert f"<h2>{title}</h2>" in page


def test_levels_count_steps_and_seconds(stand_in, place, folder):
    base = stand_in.study_base(place.root, seeds=2, metric="val_loss", levels=[0.15, 0.0001])
    assert stand_in.study(base) == 0
    levels = result_of(folder)["variants"]["a"]["levels"]  # val_loss: 0.24, 0.14, 0.04
    assert levels[0] == {"level": 0.15, "runs": 2, "steps": 20, "seconds": 0.5}
    assert levels[1] == {"level": 0.0001, "runs": 0, "steps": None, "seconds": None}


def test_the_page_shows_how_flat_the_optimum_is(stand_in, place, folder):
    assert stand_in.study(stand_in.study_base(place.root, tune=TUNE, seeds=1)) == 0
    page = (folder / "report.html").read_text()
    assert "val_per of the tuning trials over model.lr" in page
    assert "One seed: nothing can be said about chance" in page


def test_several_parameters_are_drawn_alike_for_all_variants(stand_in, place, folder):
    space = TUNE["search_spaces"] | {"model.min_lr": {"distribution": "uniform", "low": 0.0, "high": 1.0}}
    base = stand_in.study_base(place.root, tune={"n_trials": 2, "search_spaces": space}, seeds=1)
    for name in "cd":
        del base["study"]["variants"][name]
    assert stand_in.study(base) == 0
    result = result_of(folder)["variants"]
    drawn = {name: [run["parameters"] for run in one["tuning"]] for name, one in result.items()}
    for first, second in zip(drawn["a"], drawn["b"], strict=True):
        assert first["model.min_lr"] == second["model.min_lr"]
        assert second["model.lr"] == pytest.approx(2 * first["model.lr"])
