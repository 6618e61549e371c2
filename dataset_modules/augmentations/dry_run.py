"""One transform on one artificial clip: whether it works here, told before anything is read."""

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
    """Apply a transform for certain; raises what it raises, and ``ValueError`` for what cannot be trained on.

    Neither random state nor the transform's own is changed.
    """
    with _for_certain(transform), seeded(0, 0, 0), _in_silence():
        check_waveform(transform(probe(sampling_rate), sampling_rate))


def check_waveform(waveform: NDArray[np.float32]) -> None:
    """Refuse what is no waveform.

    >>> check_waveform(np.zeros((1, 4), dtype=np.float32))
    Traceback (most recent call last):
    ValueError: a transform must give finite samples (T,), gave some of shape (1, 4)
    """
    if waveform.ndim != 1 or not len(waveform) or not _is_finite(waveform):
        raise ValueError(f"a transform must give finite samples (T,), gave some of shape {waveform.shape}")


def _is_finite(waveform: NDArray[np.float32]) -> bool:
    """The energy of what is finite is, unless it is too large to be told; it costs half of looking."""
    return math.isfinite(np.dot(waveform, waveform)) or bool(np.isfinite(waveform).all())


def probe(sampling_rate: int) -> NDArray[np.float32]:
    """Two seconds of a tone in noise, as loud as speech.

    >>> probe(8000).shape
    (16000,)
    """
    times = np.arange(int(PROBE_SECONDS * sampling_rate)) / sampling_rate
    noise = np.random.default_rng(0).normal(0.0, 0.01, len(times))
    return (0.1 * np.sin(2 * np.pi * 200.0 * times) + noise).astype(np.float32)


@contextlib.contextmanager
def _for_certain(transform: Transform) -> Iterator[None]:
    """A probability of 1 for a while; a composition's own draws are left to it."""
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
def _in_silence() -> Iterator[None]:
    """Transforms print and warn what their errors say, too."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
