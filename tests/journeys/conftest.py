"""Fixtures that the journeys share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.forked_runs import ForkedRuns


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the runs of a module."""
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedRuns]:
    """The command line in processes of their own, whose imports are paid for once."""
    forked = ForkedRuns(tmp_path_factory.mktemp("logs"))
    yield forked
    forked.close()
