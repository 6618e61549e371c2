"""Which clips an epoch draws: groups of languages, data sets or speakers, more evenly than they are large."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dataset_modules.cache.clip_store import TextColumn
from wording import number_of

log = logging.getLogger(__name__)

_MOST_SHOWN = 8  # groups in the log
Groups = Literal["language", "dataset", "speaker"]


@dataclass(frozen=True)
class Sampling:
    """Draws each epoch's clips by group; a group of n clips has a probability in proportion to n^temperature.

    Args:
        by: what forms a group.
        temperature: 1 draws groups by their size, 0 all groups equally often.
    """

    by: Groups
    temperature: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"data: sampling: temperature must be 0 or more, got {self.temperature}")

    @property
    def column(self) -> TextColumn:
        """The property that groups the clips; data sets need none."""
        return "speaker" if self.by == "speaker" else "language"


def groups_of(by: Groups, names: Sequence[str | None], owner: str) -> list[str]:
    """Return the group of each clip of a data set, given its language or speaker; refuse unknown ones.

    Speakers of two data sets are different ones, whatever their names.

    >>> groups_of("speaker", ["ann", None], "the first one")
    Traceback (most recent call last):
    ValueError: data.sampling: by: speaker needs the speaker of each clip, the first one lacks it for 1 of 2
    """
    if by == "dataset":
        return [owner] * len(names)
    known = [name for name in names if name]
    if len(known) < len(names):
        raise ValueError(
            f"data.sampling: by: {by} needs the {by} of each clip, {owner} lacks it for "
            f"{len(names) - len(known)} of {len(names)}"
        )
    return known if by == "language" else [f"{owner} {name}" for name in known]


def grouped_draws(
    sampling: Sampling, names: Sequence[Sequence[str | None]], weights: Sequence[float]
) -> "GroupedDraws":
    """Return the draws over data sets, given the language or speaker of each of their clips."""
    groups = [
        group
        for number, own in enumerate(names)
        for group in groups_of(sampling.by, own, f"data.dataset_classes[{number}]")
    ]
    datasets = np.repeat(np.arange(len(names)), list(map(len, names)))
    draws = GroupedDraws(groups, datasets, weights, sampling.temperature)
    shares = sorted(draws.shares.items(), key=lambda share: -share[1])
    named = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares[:_MOST_SHOWN])
    log.info("sampling: %s: %s", number_of(len(shares), sampling.by), named)
    return draws


def check_weights(sampling: Sampling | None, weights: Sequence[float]) -> None:
    """Refuse weights that have no meaning or no effect.

    >>> check_weights(None, [1.0, 2.0])
    Traceback (most recent call last):
    ValueError: data: weight of a data set needs data.sampling, such as {by: dataset, temperature: 1.0}
    """
    if wrong := [weight for weight in weights if not 0 < weight < math.inf]:
        raise ValueError(f"data: weight of a data set must be above 0 and finite, got {wrong[0]}")
    if sampling is None and set(weights) != {1.0}:
        raise ValueError(
            "data: weight of a data set needs data.sampling, such as {by: dataset, temperature: 1.0}"
        )


class GroupedDraws:
    """Draws clips for an epoch.

    A clip's probability is weight · n^(temperature − 1), n being the size of its group and weight that of
    its data set. How often a group is drawn is random. Within it, the numbers of draws of two clips of one
    data set differ by at most one.
    """

    def __init__(
        self,
        groups: Sequence[str],  # (N,)
        datasets: NDArray[np.int64],  # (N,) numbers
        weights: Sequence[float],  # of data sets
        temperature: float,
    ) -> None:
        self._names = sorted(set(groups))
        numbers = {name: number for number, name in enumerate(self._names)}
        group = np.fromiter(map(numbers.__getitem__, groups), np.int64, len(groups))
        # Within a group, clips of different data sets have different weights.
        cells, self._cell, self._sizes = np.unique(
            group * len(weights) + datasets, return_inverse=True, return_counts=True
        )
        self._group_of_cell = cells // len(weights)
        group_sizes = np.bincount(group)[self._group_of_cell].astype(float)
        mass = np.asarray(weights)[cells % len(weights)] * self._sizes * group_sizes ** (temperature - 1)
        self._probabilities = mass / mass.sum()

    @property
    def shares(self) -> dict[str, float]:
        """The expected share of each group in an epoch."""
        shares = np.bincount(self._group_of_cell, self._probabilities)
        return dict(zip(self._names, shares.tolist(), strict=True))

    def __call__(self, generator: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Return ``count`` draws; a draw is the clip's number, plus N for each time that it came before."""
        total = len(self._cell)
        shuffled = generator.permutation(total)
        by_cell = shuffled[np.argsort(self._cell[shuffled], kind="stable")]
        counts = generator.multinomial(count, self._probabilities)
        places = np.arange(count) - np.repeat(np.cumsum(counts) - counts, counts)  # 0, 1, … in each cell
        sizes = np.repeat(self._sizes, counts)
        starts = np.repeat(np.cumsum(self._sizes) - self._sizes, counts)
        return by_cell[starts + places % sizes] + total * (places // sizes)
