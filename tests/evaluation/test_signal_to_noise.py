"""The estimate of the signal-to-noise ratio."""

import numpy as np
import pytest

from evaluation.signal_to_noise import HIGHEST_DB, signal_to_noise_db

RATE = 16000


def speech_in_noise(decibels, seed=0):
    """Two seconds of a tone and one of pause, with noise at this distance below the tone's mean power."""
    generator = np.random.default_rng(seed)
    times = np.arange(3 * RATE) / RATE
    speech = np.where(times < 2.0, np.sin(2 * np.pi * 300 * times), 0.0)
    noise = generator.normal(0.0, 1.0, len(times))
    noise *= np.sqrt(np.mean(speech**2) / np.mean(noise**2) / 10 ** (decibels / 10))
    return np.rint(3000 * (speech + noise)).astype(np.int16)


@pytest.mark.parametrize("decibels", [5.0, 15.0, 25.0])
def test_known_ratios_are_found(decibels):
    assert signal_to_noise_db(speech_in_noise(decibels), RATE) == pytest.approx(decibels, abs=1.0)


def test_digital_silence_gives_the_highest_ratio():
    clip = np.zeros(RATE, dtype=np.int16)
    clip[: RATE // 2] = 1000
    assert signal_to_noise_db(clip, RATE) == HIGHEST_DB


def test_short_or_silent_clips_have_no_estimate():
    assert signal_to_noise_db(np.ones(1000, dtype=np.int16), RATE) is None
    assert signal_to_noise_db(np.zeros(RATE, dtype=np.int16), RATE) is None
