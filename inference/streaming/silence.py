"""Digital silence: frames far from any sound, where a network's guess means nothing."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from inference.streaming.audio_stream import Samples
from models.network.frames import FrameClock

_LEAST_CHANGE = 2**-16  # from a sample to the next: half a step of 16-bit samples
_MARGIN_SECONDS = 0.25  # networks may emit a phoneme a little after its sound
_NEVER = -1e4  # a log-probability; finite, so that sequences can still be aligned


def silent_frames(samples: Samples, clock: FrameClock, num_frames: int) -> Tensor:
    """Return which frames, (F,), lie in silence: their samples, (T,), and those around them never change.

    >>> clock = FrameClock(stride=4000, receptive_field=4000, centre=2000.0, sampling_rate=16000)
    >>> samples = np.concatenate([np.sin(np.arange(8000)), np.zeros(24000)]).astype(np.float32)
    >>> silent_frames(samples, clock, 8).tolist()
    [False, False, False, True, True, True, True, True]
    """
    changes = np.concatenate([[0], np.cumsum(np.abs(np.diff(samples)) > _LEAST_CHANGE)])  # (T,)
    starts = np.minimum(np.arange(num_frames) * clock.stride, len(samples) - 1)
    ends = np.minimum(starts + clock.receptive_field, len(samples)) - 1
    sounds = torch.from_numpy(changes[ends] != changes[starts])
    margin = round(_MARGIN_SECONDS * clock.sampling_rate / clock.stride)
    near = F.max_pool1d(sounds.float()[None], 2 * margin + 1, stride=1, padding=margin)[0]
    return near == 0


def blanks_in_silence(log_probs: Tensor, silent: Tensor, blank_id: int) -> Tensor:
    """Return the scores, (F, V), with nothing but blanks in silent frames, (F,)."""
    if not silent.any():
        return log_probs
    only_blank = torch.full_like(log_probs[0], _NEVER)
    only_blank[blank_id] = 0.0
    return torch.where(silent[:, None], only_blank, log_probs)
