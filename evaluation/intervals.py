"""How far a rate would move if other utterances had been drawn: intervals by the bootstrap.

A rate over a split is a ratio of sums, Σ errors / Σ phonemes, over units that were drawn independently:
utterances, or speakers with all of theirs. Its interval is the studentised bootstrap's (bootstrap-t):
units are drawn anew with replacement; in each draw the rate's distance to the observed one is divided
by the draw's own standard error, and the 2.5 % and 97.5 % quantiles of these distances, times the
observed standard error, give the ends. In simulations it holds its level where percentile and BCa
intervals are too narrow: few units of varying length whose error rates differ.

Draws cannot show what has hardly been observed. Of one unit with an error they show none or a few, and those
without any have no spread to be measured by. So where few units have errors (or few changed, of a difference)
the interval reaches as far as the exact one of their number as well, if that is further.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.exact_reach import Reach, difference_reach, share_reach

LEVEL = 0.95
DRAWS = 2000
_TAIL = (1.0 - LEVEL) / 2.0
_BLOCK = 4_000_000  # units drawn at once
FEWEST_UNITS = 10  # utterances or speakers; of fewer, too little is known of how they differ
FEW_EVENTS = 30  # units with errors, or with a change; of fewer, draws alone give too narrow an interval

DEFINITION = (
    f"{100 * LEVEL:.0f} % intervals: studentised bootstrap ({DRAWS} draws with replacement, seeded) of the "
    "ratio of sums over utterances; by speaker, whole speakers are drawn; "
    f"of fewer than {FEWEST_UNITS} utterances or speakers none is given. Where fewer than {FEW_EVENTS} of "
    "them have errors (or differ, in a comparison) it is widened to the exact interval of their number "
    "(Clopper and Pearson; of differences by MOVER), times the root mean square of their errors. Where all "
    "have the same rate, such as none, it is the exact interval of independent phonemes"
)


class Interval(NamedTuple):
    """A rate and where it would lie with other units."""

    rate: float
    low: float
    high: float
    units: int


class Difference(NamedTuple):
    """How much a second rate differs from a first one over the same units."""

    difference: float  # second - first
    low: float
    high: float
    probability_lower: float  # share of draws in which the second is the lower one, ties half
    units: int


def rate_interval(
    errors: ArrayLike, lengths: ArrayLike, *, seed: int = 0, draws: int = DRAWS
) -> Interval | None:
    """The interval of Σ errors / Σ lengths over units, (U,); None where there are too few of them.

    >>> interval = rate_interval([1, 0, 2, 1] * 10, [10, 12, 9, 30] * 10)
    >>> round(interval.rate, 4), interval.low < interval.rate < interval.high
    (0.0656, True)
    """
    numerators, denominators = _columns(errors, lengths)
    if len(numerators) < FEWEST_UNITS or denominators.sum() <= 0:
        return None
    bootstrap = _Bootstrap(numerators, denominators, seed, draws)
    low, high = _ends(bootstrap, numerators, denominators, _reach_of_sum)
    return Interval(float(bootstrap.rate), max(0.0, low), high, len(numerators))


def paired_difference(
    first: ArrayLike, second: ArrayLike, lengths: ArrayLike, *, seed: int = 0, draws: int = DRAWS
) -> Difference | None:
    """Of two error counts over the same units, (U,), the second rate minus the first.

    >>> paired_difference([3, 2, 4, 2] * 5, [2, 2, 3, 1] * 5, [10] * 20).probability_lower
    1.0
    """
    before, denominators = _columns(first, lengths)
    after, _ = _columns(second, lengths)
    gained = after - before
    if len(gained) < FEWEST_UNITS or denominators.sum() <= 0:
        return None
    bootstrap = _Bootstrap(gained, denominators, seed, draws)
    lower = (bootstrap.rates < 0).mean() + 0.5 * (bootstrap.rates == 0).mean()
    low, high = _ends(bootstrap, gained, denominators, _reach_of_difference)
    return Difference(float(bootstrap.rate), low, high, float(lower), len(gained))


def by_unit(keys: Sequence[str], *columns: ArrayLike) -> list[NDArray[np.float64]]:
    """Columns summed over what belongs together, such as the utterances of a speaker.

    >>> [column.tolist() for column in by_unit(["a", "b", "a"], [1, 2, 3])]
    [[4.0, 2.0]]
    """
    _, inverse = np.unique(np.asarray(keys, dtype=np.str_), return_inverse=True)
    weights = [np.asarray(column, dtype=np.float64) for column in columns]
    return [np.bincount(inverse, weights=own).astype(np.float64) for own in weights]


def _columns(errors: ArrayLike, lengths: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    numerators, denominators = np.asarray(errors, dtype=np.float64), np.asarray(lengths, dtype=np.float64)
    if numerators.shape != denominators.shape or numerators.ndim != 1:
        raise ValueError(
            f"intervals: errors and lengths must be two columns of equal length, "
            f"got {numerators.shape} and {denominators.shape}"
        )
    return numerators, denominators


def _ends(
    bootstrap: "_Bootstrap",
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    reach_of: Callable[[NDArray[np.float64], float], Reach],
) -> Reach:
    """Both ends: the bootstrap's, and of few events the exact ones of their number where they lie further."""
    rate, units, total = float(bootstrap.rate), len(numerators), float(denominators.sum())
    if bootstrap.error == 0:  # no unit differs from another: the phonemes are all there is to count
        below, above = reach_of(numerators, total)
        return rate - below, rate + above
    low, high = bootstrap.ends()
    events = np.count_nonzero(numerators)
    if events >= FEW_EVENTS:
        return low, high
    below, above = reach_of(np.sign(numerators), units)
    # The mean size of an event would do if all were alike; the root mean square allows for large ones.
    size = float(np.sqrt((numerators**2).sum() / events)) * units / total
    return min(low, rate - size * below), max(high, rate + size * above)


def _reach_of_sum(counts: NDArray[np.float64], of: float) -> Reach:
    return share_reach(float(counts.sum()), of, _TAIL)


def _reach_of_difference(counts: NDArray[np.float64], of: float) -> Reach:
    return difference_reach(float(counts[counts > 0].sum()), float(-counts[counts < 0].sum()), of, _TAIL)


class _Bootstrap:
    """Draws of a ratio of sums, each with its standard error."""

    def __init__(
        self, numerators: NDArray[np.float64], denominators: NDArray[np.float64], seed: int, draws: int
    ) -> None:
        count = len(numerators)
        moments = np.stack(
            [numerators, denominators, numerators**2, numerators * denominators, denominators**2], axis=1
        )  # (U, 5)
        (self.rate,), (self.error,) = _ratios(moments.sum(axis=0, keepdims=True), count)
        self.rates, self._errors = _ratios(_drawn_sums(moments, seed, draws), count)

    def ends(self) -> tuple[float, float]:
        """Both ends of the interval; draws that leave no spread to compare with are left out."""
        spread = self._errors > 0
        distances = (self.rates[spread] - self.rate) / self._errors[spread]
        if not len(distances):
            return float(self.rate), float(self.rate)
        low, high = np.quantile(distances, [_TAIL, 1.0 - _TAIL])
        return float(self.rate - high * self.error), float(self.rate - low * self.error)


def _drawn_sums(moments: NDArray[np.float64], seed: int, draws: int) -> NDArray[np.float64]:
    """Sums of the moments, (U, 5), over units drawn with replacement, (draws, 5)."""
    generator, count = np.random.default_rng(seed), len(moments)
    at_once = max(1, _BLOCK // count)
    sums = []
    for start in range(0, draws, at_once):
        size = min(at_once, draws - start)
        chosen = generator.integers(0, count, size=(size, count))
        rows = np.repeat(np.arange(size), count)
        weights = np.bincount(rows * count + chosen.ravel(), minlength=size * count)
        sums.append(weights.reshape(size, count).astype(np.float64) @ moments)
    return np.concatenate(sums)


def _ratios(sums: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ratios of sums and their standard errors by linearisation, of each draw."""
    numerators, denominators, squares, products, lengths = sums.T
    # A draw without a single phoneme has no rate.
    denominators = np.where(denominators > 0, denominators, np.nan)
    rates = numerators / denominators
    residual = np.maximum(squares - 2.0 * rates * products + rates**2 * lengths, 0.0)
    # What rounding leaves of a spread that is none.
    residual[residual < 1e-9 * np.maximum(squares, 1.0)] = 0.0
    return rates, np.sqrt(residual * count / (count - 1)) / denominators
