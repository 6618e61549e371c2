"""Measure a clip's samples: its level, its clipping, and numbers that identify the recording."""

import hashlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FULL_SCALE = 32767.0
_AT_FULL_SCALE = 32766  # clipped waves stay there; a loud wave only touches it
_AT_OWN_PEAK = 0.98
_LOUD_ENOUGH = 0.05  # quieter plateaus come from coarse quantisation, not from an overloaded input

_PART_SAMPLES, _FEWEST_PARTS, _MOST_PARTS = 2000, 16, 64
_STEP_DB = 0.2
_QUIETEST = 1e-6  # of energy: below it, rounding to 16 bits decides


class ClipMeasures(NamedTuple):
    """The measures of a clip; levels are shares of full scale."""

    peak: float
    rms: float
    clipped_share: float  # of the samples
    content: tuple[int, int]  # equal recordings share at least one of the two, 64 bits each


def measure(samples: NDArray[np.int16]) -> ClipMeasures:
    """Measure a clip's samples, (T,).

    >>> measure(np.array([0, 16384, -32767, 0], dtype=np.int16)).peak
    1.0
    """
    if not len(samples):
        return ClipMeasures(0.0, 0.0, 0.0, content_numbers(samples.astype(np.int32)))
    wide = samples.astype(np.int32)  # the magnitude of -32768 is no 16-bit number
    peak = int(np.abs(wide).max())
    return ClipMeasures(
        peak=min(1.0, peak / FULL_SCALE),
        rms=float(np.sqrt(np.mean(np.square(wide, dtype=np.float64)))) / FULL_SCALE,
        clipped_share=float(clipped(wide, peak).mean()),
        content=content_numbers(wide),
    )


def clipped(samples: NDArray[np.int32], peak: int) -> NDArray[np.bool_]:
    """Find the samples that lie on a plateau of a clipped recording, (T,).

    A plateau is three or more neighbours at full scale, or equal neighbours at the clip's peak: a recording
    that was made quieter after clipping.

    >>> wave = np.array([0, 900, 32767, 32767, 32767, 900, 0], dtype=np.int32)
    >>> clipped(wave, 32767).tolist()
    [False, False, True, True, True, False, False]
    """
    if peak < _LOUD_ENOUGH * FULL_SCALE:
        return np.zeros(len(samples), dtype=np.bool_)
    magnitude = np.abs(samples)
    equals_next = (samples[1:] == samples[:-1]) & (magnitude[1:] >= _AT_OWN_PEAK * peak)
    has_equal_neighbour = np.pad(equals_next, (0, 1)) | np.pad(equals_next, (1, 0))
    return _in_runs(magnitude >= _AT_FULL_SCALE) | _in_runs(has_equal_neighbour)


def _in_runs(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the flags that belong to a run of three or more."""
    padded = np.pad(flags, 2)
    starts_run = padded[:-2] & padded[1:-1] & padded[2:]  # (T + 2)
    return starts_run[:-2] | starts_run[1:-1] | starts_run[2:]


def content_numbers(samples: NDArray[np.int32]) -> tuple[int, int]:
    """Compute two numbers that identify a recording by its length and levels, whatever its file name.

    The levels are those of the wave and of its slope, part by part and rounded, because another lossless
    encoding may change single samples by one step. The second number rounds half a step higher, so that a
    value near the edge of its rounding does not hide a copy.
    """
    parts = int(np.clip(len(samples) // _PART_SAMPLES, _FEWEST_PARTS, _MOST_PARTS))
    if len(samples) < parts:
        exact = _hashed(len(samples), samples)
        return exact, exact
    starts = np.arange(parts) * len(samples) // parts
    wave = samples / FULL_SCALE
    slope = np.diff(wave, prepend=wave[:1])
    energy = np.concatenate([np.add.reduceat(course**2, starts) for course in (wave, slope)]) * parts
    steps = 10.0 * np.log10(energy / len(samples) + _QUIETEST) / _STEP_DB
    plain, shifted = (np.floor(steps + shift).astype(np.int64) for shift in (0.0, 0.5))
    return _hashed(len(samples), plain), _hashed(len(samples), shifted)


def _hashed(length: int, course: NDArray[np.integer[Any]]) -> int:
    digest = hashlib.blake2b(course.tobytes(), digest_size=8, salt=str(length).encode()[:16])
    return int.from_bytes(digest.digest())


def decibels(share: ArrayLike) -> NDArray[np.float64]:
    """Convert shares of full scale to dB; silence is the lowest level of 16 bits.

    >>> decibels([0.1, 0.0]).round(1).tolist()
    [-20.0, -96.3]
    """
    return 20.0 * np.log10(np.maximum(np.asarray(share, dtype=np.float64), 1 / 65536))
