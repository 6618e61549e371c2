"""A run that diverges ends with one message and status 1, and no checkpoint holds its weights."""

from pathlib import Path

import pytest

from models.weights import read_checkpoint
from tests.journeys.configuration import configuration, sentences, written
from tests.journeys.forked_runs import ForkedRuns

OPTIMIZER = {"optimizer": "SGD", "lr": 1e30, "momentum": 0.0}


def diverging(place: Path, tmp_path: Path) -> Path:
    content = configuration(
        tmp_path,
        custom_folder_name="run",
        model=OPTIMIZER,
        data={"dataset_classes": sentences(24, 4, 4, cache_dir=str(place / "cache"))},
        trainer={"max_epochs": 3, "enable_model_summary": False, "gradient_clip_val": None},
    )
    return written(tmp_path / "config.yaml", content)


@pytest.mark.parametrize(
    "overrides", [(), ("--trainer.val_check_interval", "1"), ("--trainer.accumulate_grad_batches", "3")]
)
def test_it_ends_with_one_message(
    runs: ForkedRuns, place: Path, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    status, output = runs.run("fit", "--config", str(diverging(place, tmp_path)), *overrides)
    assert status == 1, output
    (error,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert "number" in error
    assert "try a lower learning rate" in error
    assert "Traceback" not in output
    for path in tmp_path.rglob("*.ckpt"):
        read_checkpoint(path)  # refuses weights that are no numbers
    assert not list(tmp_path.rglob("utterances_*"))


def test_half_precision_on_a_processor_is_refused(runs: ForkedRuns, place: Path, tmp_path: Path) -> None:
    config = diverging(place, tmp_path)
    status, output = runs.run("fit", "--config", str(config), "--trainer.precision", "16-true")
    assert status == 2, output
    assert "trainer.precision: 16-true needs a GPU" in output.splitlines()[-1]
    assert not (tmp_path / "experiments").exists()
