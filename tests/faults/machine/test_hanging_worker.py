"""A loader's worker that hangs ends the run with its name and its clip, or lets a signal end it."""

import os
import time
from pathlib import Path

import pytest

from tests.journeys.configuration import configuration, sentences, written
from tests.journeys.experiments import assert_same_weights
from tests.journeys.forked_runs import ForkedRuns


def configured(place: Path, tmp_path: Path, **arguments: object) -> Path:
    """Twelve batches a run, read by two workers that hang in the second epoch."""
    name = "tests.faults.machine.hanging_transform.HangOnce"
    content = configuration(
        tmp_path,
        data={
            "dataset_classes": sentences(24, 4, 2, cache_dir=str(place / "cache")),
            "num_workers": 2,
            "worker_timeout": 4.0,
            "augmentations": [
                {"class_path": name, "init_args": {"note": str(tmp_path / "hung"), **arguments}}
            ],
        },
        trainer={"max_epochs": 2, "num_sanity_val_steps": 0, "enable_model_summary": False},
    )
    return written(tmp_path / "config.yaml", content)


@pytest.mark.parametrize("stops", [False, True])
def test_the_worker_and_the_clip_are_named(
    runs: ForkedRuns, place: Path, tmp_path: Path, stops: bool
) -> None:
    config = configured(place, tmp_path, after=14, stops=stops)
    status, output = runs.run("fit", "--config", str(config))
    process, hung_at = (tmp_path / "hung").read_text().split()
    assert status == 1, output
    assert time.time() - float(hung_at) < 20
    (error,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert f"(process {process}) hangs at the clip " in error
    assert "data.worker_timeout" in error
    assert "Traceback" not in output
    with pytest.raises(ProcessLookupError):
        os.kill(int(process), 0)


@pytest.mark.parametrize("after", [14, 18], ids=["at the epoch's beginning", "in its middle"])
def test_a_signal_while_a_worker_hangs_keeps_every_step(
    runs: ForkedRuns, place: Path, tmp_path: Path, after: int
) -> None:
    config = configured(place, tmp_path, after=after, signal_name="SIGTERM")
    status, output = runs.run("fit", "--config", str(config), "--data.worker_timeout", "null")
    _, hung_at = (tmp_path / "hung").read_text().split()
    assert status == 143, output
    assert time.time() - float(hung_at) < 1.0 + 5.0
    assert "stopped by SIGTERM: step " in output.splitlines()[-1]
    name = next((tmp_path / "experiments").iterdir()).name
    resume = ("--ckpt_path", "last", "--custom_folder_name", name)
    status, output = runs.run("fit", "--config", str(config), *resume)
    assert status == 0, output
    assert runs.run("fit", "--config", str(config), "--custom_folder_name", "whole")[0] == 0
    assert_same_weights(tmp_path / "experiments" / name, tmp_path / "experiments/whole")
