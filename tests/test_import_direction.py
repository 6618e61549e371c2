"""Imports point one way; this is the map."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Each package and what it may import. YAML names data sets and optimizers by class_path.
BOTTOM = ("phonetics", "optim", "durable_files")
MIDDLE = (*BOTTOM, "evaluation", "dataset_modules", "models", "experiment", "inference")
ALLOWED = {
    "durable_files": (),
    "phonetics": (),
    "optim": (),
    "evaluation": BOTTOM,
    "dataset_modules": BOTTOM,
    "models": (*BOTTOM, "evaluation", "dataset_modules"),
    "experiment": (*BOTTOM, "evaluation", "dataset_modules", "models"),
    "inference": (*BOTTOM, "evaluation", "dataset_modules", "models"),
    "callbacks": MIDDLE,
    "reports": MIDDLE,
    "doctor": (*MIDDLE, "callbacks", "reports"),
    "cli": (*MIDDLE, "callbacks", "reports", "doctor"),
    "tuning": (*MIDDLE, "callbacks", "reports", "doctor", "cli"),
    "main": ("cli", "tuning"),
}
PRESENT = [name for name in ALLOWED if (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file()]


def _sources(name: str) -> list[Path]:
    folder = ROOT / name
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [ROOT / f"{name}.py"]


def _imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports name their package, they are never relative"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _lies_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _breaches(name: str) -> list[str]:
    allowed = (name, *ALLOWED[name])
    return [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in _sources(name)
        for module in _imports(path)
        if any(_lies_in(module, own) for own in ALLOWED)
        and not any(_lies_in(module, package) for package in allowed)
    ]


@pytest.mark.parametrize("name", PRESENT)
def test_imports_point_one_way(name: str) -> None:
    assert _breaches(name) == []


def test_every_package_is_on_the_map() -> None:
    outside = {"tests", "benchmarks"}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - outside <= set(ALLOWED)
