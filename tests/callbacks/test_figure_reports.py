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
