"""Searches with stand-ins for trials."""

import importlib.util
import json
from pathlib import Path

import optuna
import pytest

from tuning.study.storage import SearchStorage

STAND_IN = Path(__file__).with_name("stand_in.py")


@pytest.fixture(scope="session")
def stand_in():
    spec = importlib.util.spec_from_file_location("stand_in", STAND_IN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Place:
    """A folder with one search in it."""

    def __init__(self, root):
        self.root = root
        self.folder = root / "experiments" / "demo_search"

    def study(self, storage=None):
        connection = SearchStorage(storage, self.folder).connection
        return optuna.load_study(study_name="demo_search", storage=connection)

    def states(self, storage=None):
        return [trial.state.name for trial in self.study(storage).trials]

    def summary(self):
        return json.loads((self.folder / "summary.json").read_text())

    def started(self):
        """Number, seed and rate of every start of a trial."""
        return [line.split() for line in (self.folder / "started.txt").read_text().splitlines()]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)
