"""The examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "phonetics",
    "dataset_modules",
    "evaluation",
    "experiment",
    "doctor",
    "models",
    "optim",
    "callbacks",
    "reports",
    "cli",
    "inference",
    "tuning",
)


def _modules() -> list[str]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths if ">>>" in path.read_text()
    ]


@pytest.mark.parametrize("name", _modules())
def test_examples_give_what_they_say(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
