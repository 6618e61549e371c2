"""Searches from configuration to exit status, with trials that only report."""

import json
import os
import time
from pathlib import Path

import pytest
import yaml
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from experiment.errors import ConfigError
from tuning.trials.trial_run import trial_folder

GRID = {"class_path": "optuna.samplers.GridSampler"}


def modes_in_turn(*modes):
    """Every mode once, in one order or another."""
    return {
        "n_trials": len(modes),
        "search_spaces": {"model.mode": {"distribution": "categorical", "choices": list(modes)}},
        "sampler": {**GRID, "init_args": {"search_space": {"model.mode": list(modes)}}},
        "pruner": {"class_path": "optuna.pruners.NopPruner"},
    }


def test_a_search_runs_its_trials_and_leaves_the_best(stand_in, place, caplog):
    assert stand_in.search(stand_in.base_of(place.root, n_trials=6)) == 0
    study = place.study()
    assert len(study.trials) == 6
    assert {trial.state.name for trial in study.trials} <= {"COMPLETE", "PRUNED"}
    best = yaml.safe_load((place.folder / "best.yaml").read_text())
    assert best["model"]["lr"] == study.best_params["model.lr"]
    assert best["optuna"] == {"tune": False}
    assert best["write_report"] is True  # as the user has it; trials write none
    assert best["custom_folder_name"] == "demo_search_best"
    assert best["trainer"]["callbacks"] is None
    seeds = {int(number): int(seed) for number, seed, _ in place.started()}
    assert best["seed_everything"] == seeds[study.best_trial.number]
    assert len(set(seeds.values())) == 6
    page = (place.folder / "report.html").read_text()
    assert all(
        title in page for title in ("History", "Parallel", "Parameter importance", "Intermediate", "Trials")
    )


def test_a_trial_has_its_folder_with_the_command_that_repeats_it(stand_in, place):
    stand_in.search(stand_in.base_of(place.root, n_trials=1))
    folder = trial_folder(place.folder, 0)
    assert (folder / "command.txt").read_text() == f"python main.py fit --config {folder / 'config.yaml'}\n"
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["custom_folder_name"] == "demo_search/trials/0000/run"
    assert config["model"]["lr"] == place.study().trials[0].params["model.lr"]
    assert config["optuna"] == {"tune": False}
    assert config["write_report"] is False
    assert config["data"]["create_dataset"] is False
    assert config["trainer"]["limit_test_batches"] == 0
    assert config["write_report"] is False


def test_trials_keep_their_checkpoints_apart(stand_in, place):
    base = stand_in.base_of(place.root, n_trials=1)
    keeper = {"class_path": "callbacks.CustomModelCheckpoint", "init_args": {"dirpath": "one/place"}}
    base["trainer"]["callbacks"] = [keeper, {"class_path": "callbacks.CollapseWatch"}]
    stand_in.search(base)
    trial = yaml.safe_load((trial_folder(place.folder, 0) / "config.yaml").read_text())
    assert trial["trainer"]["callbacks"][0]["init_args"] == {"dirpath": None}
    best = yaml.safe_load((place.folder / "best.yaml").read_text())
    assert best["trainer"]["callbacks"] == base["trainer"]["callbacks"]


def test_failures_are_recorded_with_their_kind_and_the_search_continues(stand_in, place):
    modes = ["nan", "raise", "memory", "kill", "refuse", "silent", "ok"]
    assert stand_in.search(stand_in.base_of(place.root, **modes_in_turn(*modes))) == 0
    summary = place.summary()
    assert (summary["completed"], summary["failed"]) == (1, 6)
    kinds = {trial.params["model.mode"]: trial.user_attrs.get("failure") for trial in place.study().trials}
    assert kinds == {
        "nan": "nan",
        "raise": "error",
        "memory": "memory",
        "kill": "killed",
        "refuse": "configuration",
        "silent": "error",
        "ok": None,
    }
    reasons = {trial.params["model.mode"]: trial.user_attrs.get("reason") for trial in place.study().trials}
    assert reasons["raise"] == "RuntimeError: on purpose"
    assert reasons["refuse"] == "model.lr must be lower"
    assert "SIGKILL" in reasons["kill"]
    assert "val_loss" in reasons["nan"]
    assert "validation" in reasons["silent"]


def test_a_search_whose_trials_all_fail_ends_with_1_and_the_first_reason(stand_in, place, caplog):
    base = stand_in.base_of(place.root, n_trials=3)
    base["model"]["mode"] = "raise"
    with caplog.at_level("ERROR", logger="tuning"):
        assert stand_in.search(base) == 1
    assert "RuntimeError: on purpose" in caplog.text
    assert place.states() == ["FAIL"] * 3


def test_a_trial_that_takes_too_long_has_failed(stand_in, place):
    options = modes_in_turn("hang", "ok")
    begun = time.monotonic()
    assert stand_in.search(stand_in.base_of(place.root, trial_timeout=1.5, **options)) == 0
    assert time.monotonic() - begun < 30
    assert sorted(place.states()) == ["COMPLETE", "FAIL"]
    assert place.summary()["failures"][0]["kind"] == "timeout"


def test_hopeless_trials_are_ended_at_a_validation(stand_in, place):
    rates = [0.3, 0.31, 0.9, 1.0]
    base = stand_in.base_of(
        place.root,
        search_spaces={"model.lr": {"distribution": "categorical", "choices": rates}},
        sampler={**GRID, "init_args": {"search_space": {"model.lr": rates}}},
        pruner={"class_path": "optuna.pruners.ThresholdPruner", "init_args": {"upper": 0.4}},
    )
    base["model"]["seconds"] = 0.5
    assert stand_in.search(base) == 0
    states = {trial.params["model.lr"]: trial.state.name for trial in place.study().trials}
    assert states == {0.3: "COMPLETE", 0.31: "COMPLETE", 0.9: "PRUNED", 1.0: "PRUNED"}
    trials = place.study().trials
    validations = {trial.params["model.lr"]: len(trial.intermediate_values) for trial in trials}
    assert validations[0.9] == validations[1.0] == 1
    assert min(validations[0.3], validations[0.31]) > 1
    assert place.summary()["pruned"] == 2


def test_a_trials_value_is_its_best_validation(stand_in, place):
    base = stand_in.base_of(place.root, n_trials=1, metric="val_per", direction="maximize")
    assert stand_in.search(base) == 0
    (trial,) = place.study().trials
    assert trial.value == pytest.approx(1 - trial.params["model.lr"])
    assert len(trial.intermediate_values) == 3


def test_a_search_in_which_all_is_pruned_reports_it(stand_in, place, caplog):
    pruner = {"class_path": "optuna.pruners.ThresholdPruner", "init_args": {"upper": 0.0}}
    base = stand_in.base_of(place.root, n_trials=2, pruner=pruner)
    base["model"]["seconds"] = 0.4
    with caplog.at_level("ERROR", logger="tuning"):
        assert stand_in.search(base) == 1
    assert "all 2 were pruned" in caplog.text


def test_a_trial_that_another_worker_has_finished_does_not_end_the_search(stand_in, place, caplog):
    def train(arguments):
        study = place.study()
        if study.trials[-1].number == 0:  # its worker was silent for long
            study._storage.set_trial_state_values(study.trials[0]._trial_id, TrialState.COMPLETE, [0.5])
        return stand_in.train(arguments)

    base = stand_in.base_of(place.root, n_trials=2)
    with caplog.at_level("WARNING", logger="tuning"):
        assert stand_in.search(base, {"train": train}) == 0
    assert place.study().trials[0].value == 0.5
    assert "trial 0 has passed to another worker" in caplog.text
    assert place.summary()["completed"] + place.summary()["pruned"] == 2


def test_a_storage_that_is_lost_ends_the_search_with_one_message(stand_in, place, caplog, monkeypatch):
    def fail(*_):
        raise StorageInternalError("connection refused")

    monkeypatch.setattr("tuning.study.claims.Claims.beat", fail)
    base = stand_in.base_of(place.root, n_trials=2)
    base["model"]["seconds"] = 0.3
    with caplog.at_level("ERROR", logger="tuning"):
        assert stand_in.search(base) == 1
    assert "optuna.storage" in caplog.text
    assert "connection refused" in caplog.text
    assert place.states() == ["WAITING"]


def test_a_grid_is_gone_through_once_whatever_n_trials_is(stand_in, place):
    rates = [0.3, 0.31, 0.32]
    base = stand_in.base_of(
        place.root,
        n_trials=6,
        n_jobs=2,
        search_spaces={"model.lr": {"distribution": "categorical", "choices": rates}},
        sampler={**GRID, "init_args": {"search_space": {"model.lr": rates}}},
    )
    base["model"]["seconds"] = 0.2
    for _ in range(2):
        assert stand_in.search(base) == 0
        assert sorted(float(rate) for _, _, rate in place.started()) == rates


def test_brute_force_ends_with_its_last_value(stand_in, place):
    base = stand_in.base_of(
        place.root,
        n_trials=6,
        search_spaces={"model.lr": {"distribution": "categorical", "choices": [0.3, 0.31]}},
        sampler={"class_path": "optuna.samplers.BruteForceSampler"},
    )
    for _ in range(2):
        assert stand_in.search(base) == 0
        assert len(place.started()) == 2


def test_constraints_may_name_paths_within_a_choice(stand_in, place):
    choices = [
        {
            "class_path": "torch.optim.SGD",
            "init_args": {"lr": {"distribution": "uniform", "low": 0, "high": 1}},
        },
        {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.2, "weight_decay": 0.1}},
    ]
    base = stand_in.base_of(
        place.root,
        n_trials=5,
        search_spaces={"model.optimizer": {"distribution": "categorical", "choices": choices}},
        constraints=["model.optimizer.init_args.lr < 0.5", "model.optimizer.init_args.weight_decay < 1"],
    )
    base["model"]["optimizer"] = "AdamW"
    assert stand_in.search(base) == 0
    ran = [trial for trial in place.study().trials if "rejected" not in trial.user_attrs]
    rates = [trial.params.get("model.optimizer[SGD].init_args.lr", 0.2) for trial in ran]
    assert len(rates) == 5
    assert max(rates) < 0.5
    base["optuna"]["constraints"] = ["model.optimizer.init_args.lrr < 0.5"]
    with pytest.raises(ConfigError, match="model.optimizer.init_args.lrr"):
        stand_in.search(base)


def test_another_search_of_the_same_name_is_refused_before_anything_is_prepared(stand_in, place):
    base = stand_in.base_of(place.root, n_trials=1)
    assert stand_in.search(base) == 0
    prepared = place.root / "prepared"

    def prepare(arguments):
        prepared.touch()
        return stand_in.prepare(arguments)

    base["model"]["mode"] = "other"
    with pytest.raises(ConfigError, match=r"model\.mode differ"):
        stand_in.search(base, {"prepare": prepare})
    base = stand_in.base_of(place.root, storage="nosuch://host/db")
    with pytest.raises(ConfigError, match=r"optuna\.storage"):
        stand_in.search(base, {"prepare": prepare})
    assert not prepared.exists()


def test_configurations_that_were_among_the_best_go_when_they_are_beaten(stand_in, place):
    goals = {"metric": ["val_loss", "val_per"], "direction": ["minimize", "minimize"]}
    base = stand_in.base_of(place.root, n_trials=1, **goals)
    assert stand_in.search(base) == 0
    for name in ("best_77.yaml", "best_of_mine.yaml"):
        (place.folder / name).write_text("{}")
    assert stand_in.search(base) == 0
    assert sorted(path.name for path in place.folder.glob("best*")) == ["best.yaml", "best_of_mine.yaml"]


def test_a_second_start_continues_to_n_trials_in_all(stand_in, place):
    assert stand_in.search(stand_in.base_of(place.root, n_trials=2)) == 0
    assert stand_in.search(stand_in.base_of(place.root, n_trials=5)) == 0
    assert stand_in.search(stand_in.base_of(place.root, n_trials=5)) == 0
    assert [int(number) for number, _, _ in place.started()] == [0, 1, 2, 3, 4]
    assert len({rate for _, _, rate in place.started()}) == 5


def test_a_search_in_two_starts_draws_what_one_start_draws(stand_in, place, tmp_path):
    other = tmp_path / "other"
    stand_in.search(stand_in.base_of(place.root, n_trials=2))
    stand_in.search(stand_in.base_of(place.root, n_trials=4))
    stand_in.search(stand_in.base_of(other, n_trials=4))
    whole = (other / "experiments/demo_search/started.txt").read_text().splitlines()
    assert [" ".join(line) for line in place.started()] == whole


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda base: base["model"].update(min_lr=0.5), "model.min_lr"),
        (lambda base: base["optuna"].update(metric="val_per"), "optuna.metric"),
        (
            lambda base: base["optuna"]["search_spaces"]["model.lr"].update(high=2.0),
            "optuna.search_spaces.model.lr",
        ),
    ],
)
def test_another_search_under_the_same_name_is_refused(stand_in, place, change, named):
    stand_in.search(stand_in.base_of(place.root, n_trials=1))
    base = stand_in.base_of(place.root, n_trials=2)
    change(base)
    with pytest.raises(ConfigError, match="study_name") as refusal:
        stand_in.search(base)
    assert named in str(refusal.value)
    base["optuna"]["study_name"] = "another"
    assert stand_in.search(base) == 0


def test_what_only_this_machine_needs_may_change(stand_in, place):
    stand_in.search(stand_in.base_of(place.root, n_trials=1))
    base = stand_in.base_of(place.root, n_trials=2, n_jobs=2)
    base["data"]["num_workers"] = 4
    assert stand_in.search(base) == 0
    study = place.study()  # as an earlier version may have begun it
    study.set_user_attr("configuration", {**study.user_attrs["configuration"], "write_report": "false"})
    assert stand_in.search(base) == 0


def test_impossible_draws_never_run(stand_in, place):
    base = stand_in.base_of(
        place.root,
        n_trials=5,
        constraints=["model.min_lr < model.lr"],
        search_spaces={
            "model.lr": {"distribution": "uniform", "low": 0.0, "high": 1.0},
            "model.min_lr": {"distribution": "uniform", "low": 0.0, "high": 1.0},
        },
    )
    base["optuna"]["sampler"] = {"class_path": "optuna.samplers.RandomSampler"}
    assert stand_in.search(base) == 0
    trials = place.study().trials
    ran = [trial for trial in trials if "rejected" not in trial.user_attrs]
    assert len(ran) == len(place.started()) == 5
    assert all(trial.params["model.min_lr"] < trial.params["model.lr"] for trial in ran)
    assert len(trials) > 5
    assert place.summary()["rejected"] == len(trials) - 5


def test_a_space_without_a_possible_draw_is_refused(stand_in, place):
    base = stand_in.base_of(place.root, constraints=["model.lr > 2"])
    with pytest.raises(ConfigError, match="no draw"):
        stand_in.search(base)
    assert not place.folder.exists()


def test_two_metrics_leave_all_that_none_beats(stand_in, place):
    goals = {"metric": ["val_loss", "val_per"], "direction": ["minimize", "minimize"]}
    assert stand_in.search(stand_in.base_of(place.root, n_trials=8, **goals)) == 0
    study = place.study()
    assert [direction.name for direction in study.directions] == ["MINIMIZE", "MINIMIZE"]
    assert place.states() == ["COMPLETE"] * 8
    front = {trial.number for trial in study.best_trials}
    assert len(front) > 1  # a low loss and a low rate of errors want different rates
    named = {entry["trial"]: entry["configuration"] for entry in place.summary()["best"]}
    assert set(named) == front
    assert "best.yaml" in named.values()
    for number, file in named.items():
        lr = yaml.safe_load((place.folder / file).read_text())["model"]["lr"]
        assert lr == study.trials[number].params["model.lr"]


def test_several_trials_run_at_once(stand_in, place):
    base = stand_in.base_of(place.root, n_trials=4, n_jobs=4)
    base["model"]["seconds"] = 0.7
    assert stand_in.search(base) == 0
    trials = place.study().trials
    assert max(trial.datetime_start for trial in trials) < min(trial.datetime_complete for trial in trials)


def test_no_trial_is_started_after_the_time_is_over(stand_in, place):
    base = stand_in.base_of(place.root, n_trials=50, timeout=1.0)
    base["model"]["seconds"] = 0.2
    assert stand_in.search(base) == 0
    assert 1 <= len(place.states()) <= 3


@pytest.mark.parametrize(("keep", "left"), [("best", 1), ("all", 3), ("none", 0)])
def test_checkpoints_are_kept_as_asked(stand_in, place, keep, left):
    pruner = {"class_path": "optuna.pruners.NopPruner"}
    stand_in.search(stand_in.base_of(place.root, n_trials=3, keep_checkpoints=keep, pruner=pruner))
    kept = list(place.folder.glob("trials/*/run/checkpoints/last.ckpt"))
    assert len(kept) == left
    if keep == "best":
        assert kept[0].is_relative_to(trial_folder(place.folder, place.study().best_trial.number))


def test_the_search_logs_how_far_it_is(stand_in, place, caplog):
    with caplog.at_level("INFO", logger="tuning"):
        stand_in.search(stand_in.base_of(place.root, n_trials=3))
    text = caplog.text
    assert "1 of 3 done" in text
    assert "3 of 3 done" in text
    assert "best" in text
    assert "left" in text
    assert f"./run.sh train {place.folder / 'best.yaml'}" in text


def test_a_cache_is_built_anew_once(stand_in, place, tmp_path):
    seen = []

    def prepare(arguments):
        for config in arguments[1:]:
            content = yaml.safe_load(Path(config).read_text())
            seen.append(content["data"]["create_dataset"])
        (tmp_path / "seen").write_text(str(seen))
        return stand_in.prepare(arguments)

    space = {"model.mode": {"distribution": "categorical", "choices": ["ok", "nan", "raise"]}}
    stand_in.search(stand_in.base_of(place.root, n_trials=1, search_spaces=space), {"prepare": prepare})
    assert (tmp_path / "seen").read_text() == "[True, False, False]"


def test_what_trials_share_is_prepared_on_the_devices_of_one(stand_in, place, tmp_path, monkeypatch):
    def prepare(arguments):
        (tmp_path / "seen").write_text(os.environ["CUDA_VISIBLE_DEVICES"])
        return stand_in.prepare(arguments)

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    base = stand_in.base_of(place.root, n_trials=1)
    base["trainer"]["accelerator"] = "gpu"
    stand_in.search(base, {"prepare": prepare})
    assert (tmp_path / "seen").read_text() == "3"


def test_a_space_of_which_nothing_can_be_built_is_a_mistake(stand_in, place):
    def prepare(arguments):
        faults = dict.fromkeys(arguments[1:], "model.lr: no such thing")
        Path(arguments[0]).write_text(json.dumps({"faults": faults, "imported": []}))
        return 0

    with pytest.raises(ConfigError, match="no such thing"):
        stand_in.search(stand_in.base_of(place.root), {"prepare": prepare})
    assert not place.folder.exists()


MISTAKES = {
    "too few trials": ({"n_trials": 0}, "n_trials"),
    "an unknown metric": ({"metric": "val_pre"}, "val_per"),
    "a direction too many": ({"direction": ["minimize", "maximize"]}, "each metric"),
    "an unknown sampler": ({"sampler": {"class_path": "optuna.samplers.TPESample"}}, "TPESampler"),
    "a sampler's unknown key": (
        {"sampler": {"class_path": "optuna.samplers.TPESampler", "init_args": {"n_startup": 1}}},
        "n_startup_trials",
    ),
    "a sampler as pruner": ({"pruner": {"class_path": "optuna.samplers.TPESampler"}}, "no pruner"),
    "a pruner of two metrics": (
        {
            "pruner": {"class_path": "optuna.pruners.MedianPruner"},
            "metric": ["val_loss", "val_per"],
            "direction": ["minimize", "minimize"],
        },
        "pruner",
    ),
    "a storage of no kind": ({"storage": "nosuch://host/db"}, "optuna.storage"),
    "a study's name that is a path": ({"study_name": "a/b"}, "study_name"),
    "a pruner's wrong value": (
        {"pruner": {"class_path": "optuna.pruners.MedianPruner", "init_args": {"n_startup_trials": -1}}},
        "n_startup_trials",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_reported_before_anything_runs(stand_in, place, name):
    options, named = MISTAKES[name]
    with pytest.raises(ConfigError) as refusal:
        stand_in.search(stand_in.base_of(place.root, **options))
    assert named in str(refusal.value)
    assert not (place.folder / "started.txt").exists()


def test_a_search_does_not_resume_a_run(stand_in, place):
    base = stand_in.base_of(place.root)
    base["ckpt_path"] = "x.ckpt"
    with pytest.raises(ConfigError, match="only_weights_load"):
        stand_in.search(base)


def test_nested_pruners_are_built(stand_in, place):
    inner = {"class_path": "optuna.pruners.MedianPruner", "init_args": {"n_startup_trials": 2}}
    pruner = {
        "class_path": "optuna.pruners.PatientPruner",
        "init_args": {"wrapped_pruner": inner, "patience": 1},
    }
    assert stand_in.search(stand_in.base_of(place.root, pruner=pruner, n_trials=2)) == 0


def test_a_dashboard_finds_the_metric_names(stand_in, place):
    stand_in.search(stand_in.base_of(place.root, n_trials=1))
    assert place.study().metric_names == ["val_loss"]
