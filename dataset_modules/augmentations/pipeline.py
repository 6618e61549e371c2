"""Transforms in order, each draw a function of (seed, epoch, index)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataset_modules.augmentations.dry_run import check_waveform, dry_run
from dataset_modules.augmentations.failures import FailureLedger
from dataset_modules.augmentations.nesting import Transform, leaves, name_of
from dataset_modules.augmentations.seeding import kept_random_state, seed_draws
from dataset_modules.augmentations.sound_lists import read_from, sound_files
from dataset_modules.augmentations.speed_perturbation import SpeedPerturbation

log = logging.getLogger(__name__)

Waveform = NDArray[np.float32]  # (T,)


class AugmentationPipeline:
    """Applies transforms in order; one that fails leaves the clip as it was, counted and reported.

    Args:
        transforms: what to apply.
        seed: of the draws.
        num_workers: processes that will read at once, whose failures are counted together.
    """

    def __init__(self, transforms: Sequence[Transform], seed: int, num_workers: int = 0) -> None:
        self.transforms = list(transforms)
        self.seed = seed
        self.ledger = FailureLedger([name_of(transform) for transform in self.transforms], num_workers)

    def __call__(
        self,
        waveform: Waveform,
        sampling_rate: int,
        epoch: int,
        index: int,
        fits: Callable[[int], bool] | None = None,
    ) -> Waveform:
        """Augment clip ``index`` as epoch ``epoch`` hears it.

        Args:
            waveform: the clip, which is not written to.
            sampling_rate: of it.
            epoch: the epoch.
            index: the clip's place in the training split.
            fits: whether the clip's labels fit into so many samples; what shortens it further is not
                applied. None takes any length.
        """
        return self.read(waveform.copy, sampling_rate, epoch, index, fits)

    def read(
        self,
        source: Callable[[], Waveform],
        sampling_rate: int,
        epoch: int,
        index: int,
        fits: Callable[[int], bool] | None = None,
    ) -> Waveform:
        """The same of a clip that ``source`` makes anew for every call: transforms may write into it."""
        steps = _Steps(self.transforms, sampling_rate, fits)
        with kept_random_state():
            seed_draws(self.seed, epoch, index)
            try:
                augmented = steps.taken(source())
                check_waveform(augmented)
                return np.ascontiguousarray(augmented, dtype=np.float32)
            except Exception as error:  # noqa: BLE001 - any transform, any fault: one clip must not end a run
                fault = error
            seed_draws(self.seed, epoch, index)
            self._report(fault, steps.first_bad(source()), index)
        return source()

    def _report(self, error: Exception, number: int, index: int) -> None:
        self.ledger.record(number, index)
        failures = self.ledger.total
        if failures & (failures - 1) == 0:  # the 1st, 2nd, 4th, 8th …
            log.warning(
                "augmentation failed on clip %d, left as it was (%d so far): %s: %r",
                index,
                failures,
                self.ledger.names[number],
                error,
            )

    @property
    def failures(self) -> int:
        """On how many clips a transform failed, in all processes that read."""
        return self.ledger.total

    @property
    def longest_stretch(self) -> float:
        """How many times its length a clip may last by a change of speed."""
        speeds = (leaf for leaf in leaves(self.transforms) if isinstance(leaf, SpeedPerturbation))
        return prod(speed.longest_stretch for speed in speeds)

    def warm_up(self, sampling_rate: int) -> None:
        """Apply everything once, so that what is imported late is there before clips are waited for.

        Readers are forked from this process and inherit it. Faults are left to the clips.
        """
        for leaf in leaves(self.transforms):
            try:
                dry_run(leaf, sampling_rate)
            except Exception as error:  # noqa: BLE001 - counted when it happens to a clip
                log.debug("augmentation: %s fails: %r", name_of(leaf), error)

    def sound_files(self) -> list[Path]:
        """Every sound file that the transforms may mix in."""
        return sound_files(leaves(self.transforms))

    def read_sounds_from(self, copies: Mapping[str, str]) -> None:
        """Let transforms that mix in sounds read these copies instead of the files they found."""
        for leaf in leaves(self.transforms):
            read_from(leaf, copies)


class _Steps:
    """The transforms, for one clip."""

    def __init__(
        self, transforms: Sequence[Transform], sampling_rate: int, fits: Callable[[int], bool] | None
    ) -> None:
        self.transforms = transforms
        self.sampling_rate = sampling_rate
        self.fits = fits

    def taken(self, waveform: Waveform) -> Waveform:
        """The clip after all of them; what makes it too short for its labels is left out."""
        for transform in self.transforms:
            waveform = self._taken(transform, waveform)
        return waveform

    def _taken(self, transform: Transform, waveform: Waveform) -> Waveform:
        changed = transform(waveform, self.sampling_rate)
        if len(changed) >= len(waveform) or self.fits is None or self.fits(len(changed)):
            return changed
        return waveform

    def first_bad(self, waveform: Waveform) -> int:
        """Which of them fails, looking closely; the last where none does it again."""
        for number, transform in enumerate(self.transforms):
            try:
                waveform = self._taken(transform, waveform)
                check_waveform(waveform)
            except Exception:  # noqa: BLE001 - whatever it was
                return number
        return len(self.transforms) - 1
