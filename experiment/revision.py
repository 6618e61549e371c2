"""The revision of this code, and the versions that ``--version`` prints, without heavy imports."""

import importlib.metadata
import os
import platform
import re
import subprocess
import tomllib
from pathlib import Path

from installation import PROJECT

_PROJECT_FILE = Path(__file__).resolve().parents[1] / "pyproject.toml"
_CUDA = re.compile(r"^cuda\b.*= *'([\d.]+)'", re.MULTILINE)


def version_lines() -> str:
    """Return program, revision, Python, torch and its CUDA, one a line."""
    lines = (
        f"{PROJECT} {_program_version()}",
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
    return _installed(PROJECT) or "unknown"


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


def code_revision() -> str | None:
    """Return the commit of the code, marked where the tree differs from it; None where it is unknown.

    The container has no repository: ``run.sh`` sets the variable to the commit that it built.
    """
    if revision := os.environ.get("PHONEME_REVISION"):
        return revision
    root = _PROJECT_FILE.parent
    if not (root / ".git").exists():  # an installed package may lie within another project's repository
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            command, cwd=root, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
