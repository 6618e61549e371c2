"""The examples in docstrings are true."""

import doctest
import importlib

import pytest

from tests.source_tree import MAY_IMPORT, module_name, sources


def _modules() -> list[str]:
    paths = [path for package in MAY_IMPORT for path in sources(package)]
    return [module_name(path) for path in paths if ">>>" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", _modules())
def test_examples_in_docstrings_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
