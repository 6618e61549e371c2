"""The versions that ``--version`` prints; nothing heavy is imported for them."""

import importlib.metadata
import platform
import re
import tomllib
from pathlib import Path

from experiment.revision import code_revision

_PROJECT = "phoneme-recognition"
_PROJECT_FILE = Path(__file__).resolve().parents[2] / "pyproject.toml"
_CUDA = re.compile(r"^cuda\b.*= *'([\d.]+)'", re.MULTILINE)


def version_lines() -> str:
    """Return program, revision, Python, torch and its CUDA, one a line."""
    lines = (
        f"{_PROJECT} {_program_version()}",
        f"revision {code_revision() or 'unknown'}",
        f"Python {platform.python_version()}",
        f"torch {_installed('torch') or 'not installed'}",
        f"CUDA {_cuda_of_torch() or 'none: this torch runs on the processor only'}",
    )
    return "".join(f"{line}\n" for line in lines)


def _program_version() -> str:
    """Return the version of this code: of the checkout that it lies in, else of the installed package."""
    if _PROJECT_FILE.is_file():
        project = tomllib.loads(_PROJECT_FILE.read_text(encoding="utf-8"))["project"]
        if "version" in project:
            return str(project["version"])
    return _installed(_PROJECT) or "unknown"


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cuda_of_torch() -> str | None:
    """Return the CUDA that the installed torch was built for; its file is read, torch is not imported."""
    try:
        files = importlib.metadata.files("torch") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if str(file) == "torch/version.py":
            found = _CUDA.search(Path(str(file.locate())).read_text(encoding="utf-8"))
            return found[1] if found else None
    return None
