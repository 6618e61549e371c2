"""Opening a checkpoint in a fresh process leaves the libraries whole."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "tests/journeys/written_before/experiments/tones/checkpoints/last.ckpt"
PROGRAM = f"""
from inference import Recognizer
Recognizer.from_checkpoint({str(CHECKPOINT)!r})
from torchaudio.compliance import kaldi
print(kaldi.EPSILON.device)
"""


@pytest.mark.slow
def test_constants_of_torchaudio_have_content() -> None:
    """They had none where torchaudio was first imported while a network was built without memory."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.stdout.splitlines()[-1:] == ["cpu"], done.stderr
