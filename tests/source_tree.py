"""The packages of the source, what each may import, and their files: what the structural tests look at."""

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Each package and what it may import. YAML names data sets and optimizers by class_path.
_BOTTOM = ("installation", "phonetics", "optim", "durable_files", "stop_signals", "untrusted", "wording")
_MIDDLE = (*_BOTTOM, "evaluation", "dataset_modules", "models", "scoring", "experiment", "inference")
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "durable_files": (),
    "stop_signals": (),
    "untrusted": (),
    "wording": (),
    "installation": (),
    "phonetics": (
        "installation",
        "untrusted",
    ),
    "optim": (),
    "evaluation": _BOTTOM,
    "dataset_modules": _BOTTOM,
    "models": (*_BOTTOM, "evaluation", "dataset_modules"),
    "experiment": (*_BOTTOM, "evaluation", "dataset_modules", "models"),
    "scoring": (*_BOTTOM, "evaluation", "dataset_modules", "models"),
    "inference": (*_BOTTOM, "evaluation", "dataset_modules", "models", "experiment", "scoring"),
    "callbacks": _MIDDLE,
    "reports": _MIDDLE,
    "webpage": (*_MIDDLE, "reports"),
    "doctor": (*_MIDDLE, "callbacks", "reports"),
    "cli": (*_MIDDLE, "callbacks", "reports", "doctor", "webpage"),
    "tuning": (*_MIDDLE, "callbacks", "reports", "doctor", "cli"),
    "main": ("cli", "stop_signals", "tuning"),
}


def sources(package: str) -> list[Path]:
    """The files of a package, or the one file of that name."""
    folder = ROOT / package
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [ROOT / f"{package}.py"]


def module_name(path: Path) -> str:
    """A file as ``import`` names it; a package by its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def syntax_trees() -> dict[str, ast.Module]:
    """Every module of the source, parsed."""
    paths = [path for package in MAY_IMPORT for path in sources(package)]
    return {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}
