"""``main.py`` in a process that has computed nothing with torch, so that it may fork and start others."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_main(
    *arguments: object, folder: Path = ROOT, program: Sequence[object] = (ROOT / "main.py",)
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder; return its status and output."""
    return subprocess.run(
        [sys.executable, *map(str, (*program, *arguments))],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
