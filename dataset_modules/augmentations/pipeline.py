"""Transforms in order, each draw a function of (seed, epoch, index)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataset_modules.augmentations.dry_run import check_waveform, dry_run
from dataset_modules.augmentations.failures import FailureLedger
from dataset_modules.augmentations.nesting import Transform, leaves, name_of
from dataset_modules.augmentations.seeding import kept_random_state, seed_draws
from dataset_modules.augmentations.sound_store import read_from, sound_files
from dataset_modules.augmentations.speed_perturbation import SpeedPerturbation

log = logging.getLogger(__name__)

Waveform = NDArray[np.float32]  # (T,)


class OwnTransforms(NamedTuple):
    """The transforms that a data set adds before those of all, and whether it takes those, too."""

    own: Sequence[Transform] = ()
    takes_shared: bool = True


class AugmentationPipeline:
    """Applies transforms in order; a failure leaves the clip unchanged and is counted and logged.

    Args:
        transforms: those of all data sets.
        seed: of all draws.
        num_workers: the processes that read clips.
        datasets: what each data set adds or leaves out.
    """

    def __init__(
        self,
        transforms: Sequence[Transform],
        seed: int,
        num_workers: int = 0,
        datasets: Sequence[OwnTransforms] = (OwnTransforms(),),
    ) -> None:
        self.transforms = list(transforms)
        shared = range(len(self.transforms))
        self._chains: list[list[int]] = []  # numbers of the transforms of each data set
        for own, takes_shared in datasets:
            first = len(self.transforms)
            self.transforms += own
            self._chains.append([*range(first, len(self.transforms)), *(shared if takes_shared else ())])
        self.seed = seed
        self.ledger = FailureLedger([name_of(transform) for transform in self.transforms], num_workers)

    def __call__(
        self,
        waveform: Waveform,
        sampling_rate: int,
        epoch: int,
        index: int,
        long_enough: Callable[[int], bool] | None = None,
    ) -> Waveform:
        """Return the clip ``index`` as augmented for an epoch; transforms write into a copy."""
        return self.read(waveform.copy, sampling_rate, epoch, index, long_enough)

    def read(
        self,
        source: Callable[[], Waveform],
        sampling_rate: int,
        epoch: int,
        index: int,
        long_enough: Callable[[int], bool] | None = None,
        dataset: int = 0,
    ) -> Waveform:
        """Augment the clip that ``source`` makes anew for every call, so that no copy is needed.

        ``long_enough`` checks whether so many samples hold the clip's labels; a transform that shortens the
        clip further is not applied. None allows every length. ``dataset`` is the number of the clip's.
        """
        chain = self._chains[dataset]
        if not chain:
            return source()
        with kept_random_state():
            seed_draws(self.seed, epoch, index)
            augmented = source()
            try:
                for number in chain:
                    augmented = _applied(self.transforms[number], augmented, sampling_rate, long_enough)
                check_waveform(augmented)
                return np.ascontiguousarray(augmented, dtype=np.float32)
            except Exception as error:  # noqa: BLE001 - any transform, any fault: one clip must not end a run
                fault = error
            seed_draws(self.seed, epoch, index)
            self._report(fault, self._first_failing(chain, source(), sampling_rate, long_enough), index)
        return source()

    def _first_failing(
        self,
        chain: Sequence[int],
        waveform: Waveform,
        sampling_rate: int,
        long_enough: Callable[[int], bool] | None,
    ) -> int:
        """Return the number of the first transform that fails; the last if none fails again."""
        for number in chain:
            try:
                waveform = _applied(self.transforms[number], waveform, sampling_rate, long_enough)
                check_waveform(waveform)
            except Exception:  # noqa: BLE001 - any fault of a user's transform
                return number
        return chain[-1]

    def _report(self, error: Exception, number: int, index: int) -> None:
        self.ledger.record(number, index)
        failures = self.ledger.total
        if failures & (failures - 1) == 0:  # the 1st, 2nd, 4th, 8th …
            log.warning(
                "augmentation failed on clip %d, left as it was (%d so far): %s: %r",
                *(index, failures, self.ledger.names[number], error),
            )

    @property
    def failures(self) -> int:
        """The number of clips on which a transform failed, in all readers."""
        return self.ledger.total

    @property
    def longest_stretch(self) -> float:
        """The largest factor by which a change of speed lengthens a clip."""
        chains = [[self.transforms[number] for number in chain] for chain in self._chains]
        return max(
            prod(leaf.longest_stretch for leaf in leaves(chain) if isinstance(leaf, SpeedPerturbation))
            for chain in chains
        )

    def warm_up(self, sampling_rate: int) -> None:
        """Apply every transform once, so that late imports happen before readers are forked."""
        for leaf in leaves(self.transforms):
            try:
                dry_run(leaf, sampling_rate)
            except Exception as error:  # noqa: BLE001 - failures are counted when clips are read
                log.debug("augmentation: %s fails: %r", name_of(leaf), error)

    def sound_files(self) -> list[Path]:
        """Return every sound file that the transforms may mix in."""
        return sound_files(leaves(self.transforms))

    def read_sounds_from(self, copies: Mapping[str, str]) -> None:
        """Let the transforms read these copies of their sound files."""
        for leaf in leaves(self.transforms):
            read_from(leaf, copies)


def _applied(
    transform: Transform, waveform: Waveform, sampling_rate: int, long_enough: Callable[[int], bool] | None
) -> Waveform:
    """Apply a transform, except if it makes the clip too short for its labels."""
    changed = transform(waveform, sampling_rate)
    is_usable = len(changed) >= len(waveform) or long_enough is None or long_enough(len(changed))
    return changed if is_usable else waveform
