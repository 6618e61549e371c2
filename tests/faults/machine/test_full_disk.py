"""A full disk, or a read-only one, is one message with a path and status 1; what was good stays good."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from experiment.checkpoint import newest_loadable
from models.weights import read_checkpoint
from tests.faults.machine.full_disk import fill, make_read_only, small_disk
from tests.journeys.configuration import configuration, sentences, written
from tests.journeys.forked_runs import ForkedRuns


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", megabytes=12) as folder:
        yield folder


def configured(tmp_path: Path, root: Path, cache: Path, **sections: object) -> Path:
    content = configuration(
        root,
        custom_folder_name="run",
        data={"dataset_classes": sentences(8, 4, 4, cache_dir=str(cache))},
        trainer={"max_epochs": 2, "num_sanity_val_steps": 0, "enable_model_summary": False},
        **sections,
    )
    return written(tmp_path / "config.yaml", content)


def one_error(output: str, *parts: str) -> None:
    """There is one error, it names these parts, and it is no traceback."""
    errors = [line for line in output.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, output
    for part in parts:
        assert part in errors[0], output
    assert "Traceback" not in output
    assert "Exception" not in output


def filled_at(folder: Path, moment: str, stage: str = "fit", leave: int = 0) -> tuple[str, str]:
    arguments = {"folder": str(folder), "moment": moment, "stage": stage, "leave": leave}
    return "--trainer.callbacks+", yaml.safe_dump(
        {"class_path": "tests.faults.machine.full_disk.FullDisk", "init_args": arguments}
    )


def left_behind(folder: Path) -> list[str]:
    """The unfinished files below a folder."""
    return [path.name for path in folder.rglob("*") if path.name.endswith((".tmp", ".incomplete"))]


def test_a_checkpoint_that_does_not_fit_keeps_the_one_before(
    runs: ForkedRuns, place: Path, tmp_path: Path, disk: Path
) -> None:
    config = configured(tmp_path, disk, place / "cache")
    status, output = runs.run("fit", "--config", str(config), "--trainer.max_epochs", "1")
    assert status == 0, output
    run = disk / "experiments/run"
    before = read_checkpoint(run / "checkpoints/last.ckpt")["global_step"]
    full = filled_at(disk, "on_train_batch_end", leave=20_000)
    status, output = runs.run("fit", "--config", str(config), *full, "--ckpt_path", "last")
    assert status == 1, output
    one_error(output, "train: ", str(run), "No space left on device")
    assert left_behind(run) == []
    (disk / "filler").unlink()
    newest = newest_loadable([run], resumes=True)
    assert newest is not None
    assert newest.trained_steps >= before
    assert runs.run("fit", "--config", str(config), "--ckpt_path", "last")[0] == 0


@pytest.mark.parametrize(
    ("moment", "stage", "lost"),
    [("on_test_start", "test", "test records"), ("on_test_end", "test", "report.html")],
)
def test_results_that_do_not_fit_are_an_error(
    runs: ForkedRuns, place: Path, tmp_path: Path, disk: Path, moment: str, stage: str, lost: str
) -> None:
    config = configured(tmp_path, disk, place / "cache")
    status, output = runs.run("fit", "--config", str(config), *filled_at(disk, moment, stage, leave=4096))
    assert status == 1, output
    one_error(output, str(disk / "experiments/run"), "No space left on device")
    assert left_behind(disk) == []
    assert read_checkpoint(disk / "experiments/run/checkpoints/last.ckpt")["global_step"] == 4


def test_a_cache_that_does_not_fit_is_built_once_there_is_room(
    runs: ForkedRuns, place: Path, tmp_path: Path, disk: Path
) -> None:
    config = configured(tmp_path, tmp_path, disk / "cache")
    filler = fill(disk, leave=30_000)
    status, output = runs.run("fit", "--config", str(config))
    assert status == 1, output
    one_error(output, str(disk / "cache"), "No space left on device")
    filler.unlink()
    assert runs.run("fit", "--config", str(config), "--trainer.fast_dev_run", "true")[0] == 0


def test_a_read_only_cache_is_named(runs: ForkedRuns, tmp_path: Path, disk: Path) -> None:
    config = configured(tmp_path, tmp_path, disk / "cache")
    make_read_only(disk)
    status, output = runs.run("fit", "--config", str(config))
    assert status == 1, output
    one_error(output, str(disk / "cache"), "Read-only file system")


def test_a_read_only_cache_that_is_complete_serves(runs: ForkedRuns, tmp_path: Path, disk: Path) -> None:
    config = configured(tmp_path, tmp_path, disk / "cache")
    once = ("--trainer.max_epochs", "1")
    assert runs.run("fit", "--config", str(config), *once)[0] == 0
    make_read_only(disk)
    status, output = runs.run("fit", "--config", str(config), *once)
    assert status == 0, output


@pytest.mark.parametrize("required", [True, None])
def test_an_encoder_cache_that_does_not_fit(
    runs: ForkedRuns, place: Path, tmp_path: Path, disk: Path, required: bool | None
) -> None:
    cache = disk / "cache"
    config = configured(tmp_path, tmp_path, cache)
    frozen = ("--model.freeze_feature_extractor", "true", "--model.cache_encoder")
    status, output = runs.run(
        "fit", "--config", str(config), *frozen, "false", "--trainer.fast_dev_run", "true"
    )
    assert status == 0, output
    fill(disk, leave=8192)
    status, output = runs.run("fit", "--config", str(config), *frozen, "true" if required else "null")
    if required:
        assert status == 1, output
        one_error(output, str(cache / "encoder_states"))
    else:
        assert status == 0, output
    assert left_behind(cache) == []
