"""A small ESC-50, and noises and rooms at other rates than the model's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

CATEGORIES = {
    "1-1-A-0.wav": "dog",
    "1-2-A-20.wav": "crying_baby",
    "1-3-A-9.wav": "crow",
    "1-4-A-24.wav": "coughing",
}


@pytest.fixture
def esc50(tmp_path: Path, write_tone: Callable[..., Path]) -> Path:
    for name in CATEGORIES:
        write_tone(tmp_path / "ESC-50" / "audio" / name, seconds=1.0)
    rows = "".join(f"{name},1,0,{category},False,0,A\n" for name, category in CATEGORIES.items())
    (tmp_path / "ESC-50" / "meta").mkdir()
    header = "filename,fold,target,category,esc10,src_file,take\n"
    (tmp_path / "ESC-50" / "meta" / "esc50.csv").write_text(header + rows)
    return tmp_path / "ESC-50"


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Two folders: noises at 44.1 kHz, and stereo impulse responses at 48 kHz."""
    generator = np.random.default_rng(1)
    for name in ("noises", "rooms"):
        (tmp_path / name).mkdir()
    for number in range(3):
        low = np.convolve(generator.standard_normal(2 * 44100), np.hanning(100) / 20, mode="same")
        soundfile.write(tmp_path / "noises" / f"{number}.flac", 0.2 * np.tanh(low), 44100)
    for number in range(2):
        decay = np.exp(-np.arange(9600) / 1000.0)[:, None]
        room = 0.3 * generator.standard_normal((9600, 2)) * decay
        soundfile.write(tmp_path / "rooms" / f"{number}.wav", room, 48000)
    return tmp_path
