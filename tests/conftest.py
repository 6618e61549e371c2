"""Fixtures that several rooms share."""

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from noisy_records import noisy_records
from numpy.typing import NDArray

from phonetics import Vocabulary
from tests.journeys.forked_runs import ForkedRuns

if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # one thread each, or processes that share the processors wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

__all__ = ["noisy_records"]

TOKENS = Path(__file__).parents[1] / "dataset_modules" / "tokens"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the switch of ``./run.sh check --slow``."""
    parser.addoption("--slow", action="store_true", help="run the tests marked campaign, too: many minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what provokes faults for minutes, unless it is asked for."""
    if config.getoption("--slow") or config.getoption("markexpr"):
        return
    left_out = [item for item in items if item.get_closest_marker("campaign")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make logged names of files encodable, so that they reach the process that reports."""
    report = yield
    report.sections = [(name, _encodable(content)) for name, content in report.sections]
    return report


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the runs of a module."""
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedRuns]:
    """The command line in separate processes, whose imports are paid for once."""
    forked = ForkedRuns(tmp_path_factory.mktemp("logs"))
    yield forked
    forked.close()


@pytest.fixture(scope="session")
def russian_vocab_file() -> Path:
    return TOKENS / "russian_phones.json"


@pytest.fixture(scope="session")
def russian_vocabulary(russian_vocab_file: Path) -> Vocabulary:
    return Vocabulary.from_file(russian_vocab_file)


@pytest.fixture(scope="session")
def tiny_cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole run, so that a small synthetic data set is synthesised once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def write_tone() -> Callable[..., Path]:
    """Write a recording of a tone to a file."""

    def write(
        path: Path, seconds: float = 0.5, rate: int = 16000, channels: int = 1, hertz: float = 200.0
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.repeat(tone(seconds, rate, hertz)[:, None], channels, axis=1), rate)
        return path

    return write


def tone(seconds: float, rate: int = 16000, hertz: float = 200.0) -> NDArray[np.float32]:
    times = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * hertz * times)).astype(np.float32)
