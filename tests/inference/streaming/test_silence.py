"""Digital silence holds no phonemes, and what is near a sound is left alone."""

import numpy as np
import torch

from inference.streaming.silence import blanks_in_silence, silent_frames
from models.network.frames import FrameClock

CLOCK = FrameClock(stride=320, receptive_field=400, centre=200.0, sampling_rate=16000)


def _noise(num_samples):
    return np.random.default_rng(0).normal(size=num_samples).astype(np.float32) * 0.1


def test_sound_is_never_silent():
    assert not silent_frames(_noise(16000), CLOCK, 49).any()


def test_a_constant_recording_is_silent_whatever_its_level():
    for level in (0.0, 0.3):
        assert silent_frames(np.full(16000, level, dtype=np.float32), CLOCK, 49).all()


def test_frames_within_a_quarter_of_a_second_of_a_sound_are_left_alone():
    samples = np.concatenate([_noise(8000), np.zeros(16000, dtype=np.float32)])
    silent = silent_frames(samples, CLOCK, 74)
    first = int(silent.nonzero()[0])
    assert 0.5 + 0.2 < first * 0.02 < 0.5 + 0.35
    assert silent[first:].all()


def test_silent_frames_hold_nothing_but_blanks():
    scores = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    silent = torch.tensor([False, True, True, False])
    changed = blanks_in_silence(scores, silent, blank_id=2)
    torch.testing.assert_close(changed[~silent], scores[~silent], rtol=0, atol=0)
    assert changed[silent].exp().tolist() == [[0.0, 0.0, 1.0]] * 2
