"""One search through the application, with real trials; and its best configuration, trained as it is."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml
from transformers import Wav2Vec2Config, Wav2Vec2Model

from tests.journeys.configuration import TINY_WAV2VEC2, configuration, noise, sentences, written
from tests.journeys.experiments import metrics_of
from tests.journeys.forked_runs import ForkedRuns
from tests.journeys.main_program import run_main

NOISE = "data.augmentations[0].init_args"


SEARCH = {
    "tune": True,
    "n_trials": 3,
    "direction": "minimize",
    "metric": "val_loss",
    # As users write it, and two that are no numbers.
    "search_spaces": {
        f"{NOISE}.min_amplitude": {"distribution": "uniform", "low": 0.0008, "high": 0.005},
        f"{NOISE}.max_amplitude": {"distribution": "uniform", "low": 0.006, "high": 0.1},
        f"{NOISE}.p": {"distribution": "uniform", "low": 0.98, "high": 1.0},
        "model.network_config.hidden_dropout": {"distribution": "uniform", "low": 0.0, "high": 0.2},
        "trainer.callbacks[2].init_args.patience": {"distribution": "int", "low": 2, "high": 3},
    },
    "constraints": [f"{NOISE}.min_amplitude < {NOISE}.max_amplitude"],
}


@pytest.fixture(scope="module")
def searched(place: Path) -> CompletedProcess[str]:
    content = configuration(
        place,
        custom_folder_name="tiny",
        model={"optimizer": "AdamW"},
        data={"create_dataset": True, "dataset_classes": sentences(8, 3, 3), "augmentations": noise(0.5)},
        trainer={"max_epochs": 2},
        optuna=SEARCH,
    )
    return run_main("fit", "--config", written(place / "search.yaml", content))


@pytest.mark.slow
def test_a_search_finds_a_configuration_that_trains_as_it_is(
    place: Path, searched: CompletedProcess[str]
) -> None:
    folder = place / "experiments/tiny_search"
    assert searched.returncode == 0, searched.stderr
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["completed"], summary["failed"]) == (3, 0)
    best = yaml.safe_load((folder / "best.yaml").read_text())
    assert (
        best["data"]["augmentations"][0]["init_args"]["p"] == summary["best"][0]["parameters"][f"{NOISE}.p"]
    )
    trial = folder / f"trials/{summary['best'][0]['trial']:04d}"
    names = metrics_of(trial / "run")
    assert not any(name.startswith("test_") for name in names)  # the test split is for the end
    assert not list(trial.glob("run/utterances*")) + list(trial.glob("run/audio*"))
    assert list(trial.glob("run/checkpoints/*.ckpt"))
    assert "3 of 3 done" in searched.stderr


def _states(place: Path) -> dict[str, int]:
    """When the states of each split were computed."""
    found = place.glob("cache/encoder_states/*/manifest.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}


@pytest.mark.slow
def test_states_of_a_frozen_encoder_are_there_before_the_first_trial(
    tmp_path: Path, runs: ForkedRuns
) -> None:
    Wav2Vec2Model(Wav2Vec2Config(**TINY_WAV2VEC2)).save_pretrained(tmp_path / "encoder")
    content = configuration(
        tmp_path,
        custom_folder_name="tiny",
        model={
            "network_config": None,
            "pretrained_name": str(tmp_path / "encoder"),
            "freeze_feature_extractor": True,
            "freeze_transformer": True,
            "optimizer": "AdamW",
        },
        data={"dataset_classes": sentences(8, 3, 3)},
        trainer={"max_epochs": 1},
    )
    file = written(tmp_path / "frozen.yaml", content)
    code = "import sys; from tuning.trials.preparing_cli import prepare_configuration as p; p(sys.argv[1])"
    prepared = run_main(file, program=("-c", code))
    assert prepared.returncode == 0, prepared.stderr
    states = _states(tmp_path)
    assert {"train", "val"} == {name.partition("-")[0] for name in states}
    status, output = runs.run("fit", "--config", str(file))
    assert status == 0, output
    assert "computing features of the frozen encoder" in prepared.stderr
    assert "computing features of the frozen encoder" not in output
    assert _states(tmp_path) == states


@pytest.mark.slow
def test_the_best_configuration_repeats_its_trial(
    place: Path, searched: CompletedProcess[str], runs: ForkedRuns
):
    folder = place / "experiments/tiny_search"
    value = json.loads((folder / "summary.json").read_text())["best"][0]["val_loss"]
    status, output = runs.run("fit", "--config", str(folder / "best.yaml"))
    assert status == 0, output
    assert metrics_of(place / "experiments/tiny_search_best")["test_loss"] > 0
    (table,) = place.glob("experiments/tiny_search_best/logs/csv/*/metrics.csv")
    column = table.read_text().splitlines()[0].split(",").index("val_loss")
    losses = [float(cell) for line in table.read_text().splitlines()[1:] if (cell := line.split(",")[column])]
    assert min(losses) == pytest.approx(value, rel=1e-6)
