"""What one clip's samples tell: how loud it is, whether it was cut off, which content it holds."""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FULL_SCALE = 32767.0
_AT_FULL_SCALE = 0.995
_AT_OWN_PEAK = 0.98
_LOUD_ENOUGH = 0.05  # quieter plateaus come from coarse quantisation, not from an overloaded input


class ClipMeasures(NamedTuple):
    """Of full scale, but for the last."""

    peak: float
    rms: float
    clipped_share: float  # of the samples
    content: int  # 64 bits; equal samples give equal numbers


def measure(samples: NDArray[np.int16]) -> ClipMeasures:
    """Measure a clip's samples, (T,).

    >>> measure(np.array([0, 16384, -32767, 0], dtype=np.int16)).peak
    1.0
    """
    if not len(samples):
        return ClipMeasures(0.0, 0.0, 0.0, content_number(samples))
    wide = samples.astype(np.int32)  # the magnitude of -32768 is no 16-bit number
    peak = int(np.abs(wide).max())
    return ClipMeasures(
        peak=min(1.0, peak / FULL_SCALE),
        rms=float(np.sqrt(np.mean(np.square(wide, dtype=np.float64)))) / FULL_SCALE,
        clipped_share=float(clipped(wide, peak).mean()),
        content=content_number(samples),
    )


def clipped(samples: NDArray[np.int32], peak: int) -> NDArray[np.bool_]:
    """Which samples lie on a plateau that an overloaded input leaves, (T,).

    That is three or more neighbours at full scale, or ones at the clip's own peak that are all alike:
    a recording that was turned down after it had been cut off.

    >>> wave = np.array([0, 900, 32767, 32767, 32767, 900, 0], dtype=np.int32)
    >>> clipped(wave, 32767).tolist()
    [False, False, True, True, True, False, False]
    """
    magnitude = np.abs(samples)
    at_full_scale = magnitude >= _AT_FULL_SCALE * FULL_SCALE
    if peak < _LOUD_ENOUGH * FULL_SCALE:
        return np.zeros(len(samples), dtype=np.bool_)
    level = np.zeros(len(samples), dtype=np.bool_)
    level[1:] = (samples[1:] == samples[:-1]) & (magnitude[1:] >= _AT_OWN_PEAK * peak)
    alike = level.copy()
    alike[:-1] |= level[1:]
    return _in_runs(at_full_scale) | _in_runs(alike)


def _in_runs(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those that are set together with two neighbours at least."""
    if len(flags) < 3:
        return np.zeros(len(flags), dtype=np.bool_)
    middle = flags[:-2] & flags[1:-1] & flags[2:]
    runs = np.zeros(len(flags), dtype=np.bool_)
    for offset in range(3):
        runs[offset : offset + len(middle)] |= middle
    return runs


def content_number(samples: NDArray[np.int16]) -> int:
    """A number that follows from the samples alone, whatever the recording is called."""
    digest = hashlib.blake2b(np.ascontiguousarray(samples).data, digest_size=8)
    return int.from_bytes(digest.digest())


def decibels(share: float) -> float:
    """A share of full scale in dB; silence is the quietest that 16 bits can say.

    >>> round(decibels(0.1), 6), round(decibels(0.0), 1)
    (-20.0, -96.3)
    """
    return float(20.0 * np.log10(max(share, 1 / 65536)))
