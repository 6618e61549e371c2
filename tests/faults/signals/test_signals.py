"""A signal ends every phase of a command within five seconds, also where it comes within a destructor."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.faults.signals.untimely_signal import REPORT
from tests.journeys.configuration import configuration, sentences, written
from tests.journeys.forked_runs import ForkedRuns
from tests.journeys.main_program import ROOT

SECONDS = 5.0
STATUS = {"SIGTERM": 143, "SIGINT": 130, "SIGHUP": 129}
TRAINED = "step "  # what the message names where something was trained
# moment, what the Trainer does, whether training is to be resumed from a checkpoint
PHASES = [
    ("setup", "fit", ""),
    ("on_sanity_check_start", "fit", ""),
    ("on_train_batch_end", "fit", TRAINED),
    ("on_validation_batch_start", "fit", TRAINED),
    ("on_validation_end", "fit", TRAINED),
    ("on_train_end", "fit", ""),  # all steps are in checkpoints by then
    ("on_validation_batch_start", "validate", ""),
    ("on_validation_end", "validate", ""),
    ("on_test_batch_end", "test", ""),
    (REPORT, "fit", ""),
]


def configured(place: Path, dataset: dict | None = None) -> Path:
    datasets = [dataset] if dataset else sentences(8, 4, 4)
    content = configuration(
        place,
        data={"dataset_classes": datasets},
        trainer={"max_epochs": 1, "num_sanity_val_steps": 1, "enable_model_summary": False},
    )
    return written(place / "config.yaml", content)


def stopped_in_time(output: str, note: Path) -> None:
    assert note.exists(), f"the signal was not sent:\n{output}"
    assert time.time() - float(note.read_text()) < SECONDS, output
    assert "Traceback" not in output
    assert "Exception ignored" not in output


@pytest.mark.parametrize("signal_name", ["SIGTERM", pytest.param("SIGINT", marks=pytest.mark.campaign)])
@pytest.mark.parametrize(("moment", "stage", "kept"), PHASES)
def test_a_run_stops_in_every_phase(
    runs: ForkedRuns, place: Path, tmp_path: Path, moment: str, stage: str, kept: str, signal_name: str
) -> None:
    note = tmp_path / "sent"
    arguments = {"note": str(note), "moment": moment, "signal_name": signal_name, "stage": stage}
    watch = {"class_path": "tests.faults.signals.untimely_signal.UntimelySignal", "init_args": arguments}
    config = configured(place)
    status, output = runs.run("fit", "--config", str(config), "--trainer.callbacks+", yaml.safe_dump(watch))
    stopped_in_time(output, note)
    assert status == STATUS[signal_name], output
    assert output.splitlines()[-1].startswith(f"stopped by {signal_name}" + (kept and f": {kept}"))


@pytest.mark.parametrize("num_proc", [1, 2])
def test_the_preparation_of_the_data_stops(runs: ForkedRuns, tmp_path: Path, num_proc: int) -> None:
    note = tmp_path / "sent"
    arguments = {"note": str(note), "signal_name": "SIGTERM", "num_train": 40}
    dataset = {"class_path": "tests.faults.signals.untimely_signal.UntimelyDataset", "init_args": arguments}
    config = configured(tmp_path, dataset)
    status, output = runs.run("fit", "--config", str(config), "--data.num_proc", str(num_proc))
    stopped_in_time(output, note)
    assert status == 143, output


def main_program(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "main.py"), *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # pytest itself may ignore it
    )


def ended_by(process: subprocess.Popen, number: int) -> tuple[int, str]:
    """Send a signal; return the exit status and what was written. The end must come in time."""
    process.send_signal(number)
    sent = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - sent < SECONDS, errors
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors
    return process.returncode, errors


@pytest.mark.parametrize("signal_name", STATUS)
def test_the_import_of_the_libraries_stops(signal_name: str) -> None:
    process = main_program("fit", "--config", "config/demo.yaml", "--trainer.fast_dev_run", "true")
    time.sleep(0.7)
    status, errors = ended_by(process, signal.Signals[signal_name])
    assert status == STATUS[signal_name], errors
    assert errors == f"stopped by {signal_name}\n"


@pytest.mark.campaign
def test_random_moments_stop_a_whole_run(tmp_path: Path) -> None:
    config, draw = configured(tmp_path), random.Random(5)
    for number in range(12):
        name = draw.choice(list(STATUS))
        process = main_program("fit", "--config", str(config), "--custom_folder_name", f"run_{number}")
        time.sleep(draw.uniform(0.3, 25.0))
        if process.poll() is not None:  # it was faster
            assert process.communicate()[1].count("Traceback") == 0
            continue
        status, errors = ended_by(process, signal.Signals[name])
        assert status == STATUS[name], errors
