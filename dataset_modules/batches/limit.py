"""The largest batch, in seconds of audio, that a device can train on, found by trying."""

import logging
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from lightning.pytorch import Trainer
from numpy.typing import NDArray

log = logging.getLogger(__name__)

CPU_BATCH_SECONDS = 60.0  # without an accelerator whose memory could be tried
_SAFETY = 0.9  # memory fragments in a long run
_FINENESS = 1.1  # the search ends at this ratio between what fits and what does not

TriesBatch = Callable[[int, int], bool]  # (clips, samples of each) → whether a training step fits


class BatchLimit:
    """The configured ``max_batch_seconds``, and the value that ``auto`` found for a run or its resumption."""

    def __init__(self, asked: float | Literal["auto"] | None) -> None:
        if isinstance(asked, float | int) and asked <= 0:
            raise ValueError(f"data: max_batch_seconds must be positive, auto or null, got {asked}")
        self.asked = asked
        self.found: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the value must still be found."""
        return self.asked == "auto" and self.found is None

    @property
    def seconds(self) -> float | None:
        """The limit; a fixed value for CPUs if none was found."""
        return self.asked if self.asked != "auto" else self.found or CPU_BATCH_SECONDS

    def log_use(self, num_samples: NDArray[np.int64], sampling_rate: int, recorded_seconds: float) -> None:
        """Log the value if none could be tried, and how many clips, before augmentation, are longer."""
        if self.is_open:
            log.info(
                "data: max_batch_seconds: auto: %.0f s per batch; there is no GPU to try batches on",
                CPU_BATCH_SECONDS,
            )
        longer = int((num_samples > round(recorded_seconds * sampling_rate)).sum())
        if longer:
            log.warning(
                "data: max_batch_seconds: %d of %d clips are longer than a batch of %.3g s, each is one",
                *(longer, len(num_samples), recorded_seconds),
            )

    def find(self, longest: int, sampling_rate: int, fits: TriesBatch | None, trainer: Trainer) -> None:
        """Try the device, if a model is known; the smallest limit of all devices is used."""
        if fits is None:
            return
        found = fitting_batch_seconds(longest, sampling_rate, fits)
        self.found = float(trainer.strategy.reduce(torch.tensor(found), reduce_op="min"))
        log.info("data: max_batch_seconds: auto: %.0f s per batch", self.found)


def fitting_batch_seconds(longest: int, sampling_rate: int, fits: TriesBatch) -> float:
    """Return the padded seconds per batch that fit the device with some reserve.

    Batches of the longest clips are tried, because they take the most memory: one clip, then twice as
    many each time until they do not fit, then numbers between the last two.
    """
    clips = largest_fitting(lambda count: fits(count, longest))
    seconds = max(clips * _SAFETY, 1.0) * longest / sampling_rate
    if not clips:
        log.warning(
            "data: max_batch_seconds: auto: not even one clip of %.1f s fits the device; cut the longest, "
            "lower max_seconds of the data set, or set model.gradient_checkpointing: true",
            longest / sampling_rate,
        )
    return seconds


def largest_fitting(fits: Callable[[int], bool], most: int = 1 << 14) -> int:
    """Return nearly the largest count that fits; zero if one does not fit.

    >>> largest_fitting(lambda count: count <= 100)
    96
    """
    fitting, failing = 0, 1
    while failing <= most and fits(failing):
        fitting, failing = failing, 2 * failing
    while failing - fitting > 1 and fitting and failing / fitting > _FINENESS:
        middle = (fitting + failing) // 2
        fitting, failing = (middle, failing) if fits(middle) else (fitting, middle)
    return fitting
