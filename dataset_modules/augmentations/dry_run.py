"""One transform applied to one artificial clip, to find faults before any audio is read."""

import contextlib
import io
import math
import warnings
from collections.abc import Iterator

import numpy as np
from audiomentations.core.transforms_interface import BaseWaveformTransform
from numpy.typing import NDArray

from dataset_modules.augmentations.nesting import Transform
from dataset_modules.augmentations.seeding import seeded

PROBE_SECONDS = 2.0


def dry_run(transform: Transform, sampling_rate: int) -> None:
    """Apply a transform with probability 1; raise its own error, or ``ValueError`` for unusable output.

    The global random states and the transform's state stay unchanged.
    """
    with _always_applied(transform), seeded(0, 0, 0), _muted():
        check_waveform(transform(probe(sampling_rate), sampling_rate))


def check_waveform(waveform: NDArray[np.float32]) -> None:
    """Raise ``ValueError`` for anything but a finite, mono waveform.

    >>> check_waveform(np.zeros((1, 4), dtype=np.float32))
    Traceback (most recent call last):
    ValueError: a transform must give finite samples (T,), gave some of shape (1, 4)
    """
    if waveform.ndim != 1 or not len(waveform) or not _is_finite(waveform):
        raise ValueError(f"a transform must give finite samples (T,), gave some of shape {waveform.shape}")


def _is_finite(waveform: NDArray[np.float32]) -> bool:
    """Check the energy first, which takes half the time; a large finite waveform can overflow it."""
    return math.isfinite(np.dot(waveform, waveform)) or bool(np.isfinite(waveform).all())


def probe(sampling_rate: int) -> NDArray[np.float32]:
    """Return two seconds of a tone in noise, as loud as speech.

    >>> probe(8000).shape
    (16000,)
    """
    times = np.arange(int(PROBE_SECONDS * sampling_rate)) / sampling_rate
    noise = np.random.default_rng(0).normal(0.0, 0.01, len(times))
    return (0.1 * np.sin(2 * np.pi * 200.0 * times) + noise).astype(np.float32)


@contextlib.contextmanager
def _always_applied(transform: Transform) -> Iterator[None]:
    """Set a transform's probability to 1; a composition keeps its own draws."""
    if not isinstance(transform, BaseWaveformTransform):
        yield
        return
    probability, parameters = transform.p, transform.parameters
    transform.p, transform.parameters = 1.0, {"should_apply": None}
    try:
        yield
    finally:
        transform.p, transform.parameters = probability, parameters


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    """Suppress prints and warnings; the errors of transforms repeat them."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
