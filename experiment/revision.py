"""The revision of this code."""

import os
import subprocess
from pathlib import Path


def code_revision() -> str | None:
    """Return the commit of the code, marked where the tree differs from it; None where it is unknown.

    The container has no repository: ``run.sh`` sets the variable to the commit that it built.
    """
    if revision := os.environ.get("PHONEME_REVISION"):
        return revision
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
