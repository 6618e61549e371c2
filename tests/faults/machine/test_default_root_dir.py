"""A place where no folder can be made is one message that names it, and status 1; nothing is left."""

from pathlib import Path

import pytest

from tests.journeys.configuration import configuration, sentences, written
from tests.journeys.forked_runs import ForkedRuns


@pytest.mark.parametrize("name", ["file", "file/below", "/proc/x", "/dev/null", "x" * 300])
def test_a_root_that_cannot_be_made(runs: ForkedRuns, place: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    data = {"dataset_classes": sentences(4, 4, 4, cache_dir=str(place / "cache"))}
    config = written(tmp_path / "config.yaml", configuration(tmp_path / name, data=data))
    status, output = runs.run("fit", "--config", str(config))
    assert status == 1, output
    assert str(tmp_path / name) in output.splitlines()[-1]
    assert "trainer.default_root_dir" in output.splitlines()[-1]
    assert "Traceback" not in output
    assert "Errno" not in output


def test_spawned_processes_are_refused(runs: ForkedRuns, place: Path, tmp_path: Path) -> None:
    data = {"dataset_classes": sentences(4, 4, 4, cache_dir=str(place / "cache"))}
    config = written(tmp_path / "config.yaml", configuration(tmp_path, data=data))
    status, output = runs.run("fit", "--config", str(config), "--trainer.strategy", "ddp_spawn")
    assert status == 2, output
    assert "trainer.strategy: ddp_spawn cannot be used" in output.splitlines()[-1]
    assert not (tmp_path / "experiments").exists()
