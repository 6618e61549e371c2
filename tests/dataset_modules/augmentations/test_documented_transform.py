"""The transform that the guide shows does what the guide says."""

import re
from pathlib import Path

import numpy as np
import pytest

GUIDE = Path(__file__).parents[3] / "docs/guides/augmentation.md"
RATE = 16000


@pytest.fixture(scope="module")
def transform_class():
    (block,) = re.findall(
        r"```python\n(# custom_augmentations\.py.*?)```", GUIDE.read_text("utf-8"), flags=re.DOTALL
    )
    names = {}
    exec(block, names)
    return names["CustomPitchShift"]


def loudest_hz(samples):
    return np.abs(np.fft.rfft(samples * np.hanning(len(samples)))).argmax() * RATE / len(samples)


@pytest.mark.parametrize("steps", [-12, 0, 12])
def test_it_shifts_the_pitch_by_semitones_and_keeps_the_length(transform_class, steps):
    tone = np.sin(2 * np.pi * 400 * np.arange(RATE) / RATE).astype(np.float32)
    transform = transform_class(semitones=12, p=1.0)
    transform.parameters["steps"] = steps
    shifted = transform.apply(tone, RATE)
    assert shifted.shape == tone.shape
    assert loudest_hz(shifted) == pytest.approx(400 * 2 ** (steps / 12), rel=0.03)
