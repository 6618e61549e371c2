"""A stranger's experiment: a copy of a small one, in which each test damages something."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cli.run import run

ORIGINAL = Path(__file__).parents[2] / "journeys" / "written_before" / "experiments" / "tones"
MOST_SECONDS = 30


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An experiment's folder by its name, in the current folder's ``experiments/``."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "experiments" / "strange"
    shutil.copytree(ORIGINAL, folder)
    soundfile.write("a.wav", np.random.default_rng(0).normal(0, 0.1, 8000), 16000)
    return folder


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end with a status above 0 and one line that holds all of some texts."""

    def run_refused(*arguments: object, naming: tuple[str, ...] = ()) -> str:
        capsys.readouterr()
        before = time.monotonic()
        status = run([str(argument) for argument in arguments])
        message = capsys.readouterr().err
        assert time.monotonic() - before < MOST_SECONDS
        assert status in (1, 2), message
        assert "Traceback" not in message
        final = message.strip().splitlines()[-1]
        assert final.startswith("error: ")
        assert sum(line.startswith("error: ") for line in message.splitlines()) == 1
        assert all(name in final for name in naming), final
        assert final.isprintable()
        return final

    return run_refused


@contextlib.contextmanager
def fifo_at(path: Path) -> Iterator[Path]:
    """Put a pipe that nobody writes to in the place of a file."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    yield path


@pytest.fixture
def run_done(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must succeed; return what it wrote."""

    def run_successfully(*arguments: object) -> str:
        status = run([str(argument) for argument in arguments])
        written = "".join(capsys.readouterr())
        assert status == 0, written
        return written

    return run_successfully
