"""A line per validation, for a process that follows a run."""

import json
from types import SimpleNamespace

import pytest
import torch

from callbacks import FigureReports


@pytest.fixture
def trainer():
    return SimpleNamespace(
        sanity_checking=False,
        is_global_zero=True,
        global_step=5,
        optimizers=[],
        state=SimpleNamespace(fn="fit"),
        callback_metrics={
            "val_per": torch.tensor(0.25),
            "train_loss": torch.tensor(float("nan")),
            "test_per": torch.tensor(0.5),
        },
    )


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_every_validation_adds_a_line(trainer, tmp_path):
    report = FigureReports(str(tmp_path / "reports.jsonl"))
    report.on_validation_end(trainer, None)
    trainer.global_step = 9
    report.on_validation_end(trainer, None)
    first, second = lines_of(tmp_path / "reports.jsonl")
    assert (first["validation"], first["step"]) == (0, 5)
    assert (second["validation"], second["step"]) == (1, 9)
    assert first["figures"]["val_per"] == 0.25
    assert first["figures"]["train_loss"] != first["figures"]["train_loss"]
    assert "test_per" not in first["figures"]


@pytest.mark.parametrize(
    "change",
    [{"sanity_checking": True}, {"is_global_zero": False}, {"state": SimpleNamespace(fn="validate")}],
)
def test_only_the_first_process_reports_and_only_while_training(trainer, tmp_path, change):
    vars(trainer).update(change)
    FigureReports(str(tmp_path / "reports.jsonl")).on_validation_end(trainer, None)
    assert lines_of(tmp_path / "reports.jsonl") == []


def test_costs_are_reported_and_validations_take_no_seconds_of_training(trainer, tmp_path, monkeypatch):
    weight = torch.nn.Parameter(torch.ones(5))
    trainer.optimizers = [torch.optim.AdamW([weight])]
    weight.sum().backward()
    trainer.optimizers[0].step()
    # A first check; the start; validations at 10 and 20, steps at 17 and 25.
    clock = iter([70.0, 100.0, 110.0, 117.0, 120.0, 125.0])
    monkeypatch.setattr("callbacks.figure_reports.time.monotonic", lambda: next(clock))
    report = FigureReports(str(tmp_path / "reports.jsonl"))
    report.on_validation_start(trainer, None)
    report.on_train_start(trainer, None)
    report.on_train_batch_start(trainer, None, None, 0)
    for _ in range(2):
        report.on_validation_start(trainer, None)
        report.on_validation_end(trainer, None)
        report.on_train_batch_start(trainer, None, None, 0)
        report.on_train_batch_start(trainer, None, None, 1)
    first, second = lines_of(tmp_path / "reports.jsonl")
    assert (first["seconds"], second["seconds"]) == (10.0, 13.0)
    assert first["optimizer_bytes"] == 2 * 5 * 4 + 4  # both moments, and the number of the step
    assert first["processor_seconds"] > 0
    assert first["memory_bytes"] > 2**20
