"""Intervals of error rates by the bootstrap: how far a rate may lie from that of other utterances.

A rate over a split is a ratio of sums, Σ errors / Σ phonemes, over units that are drawn independently:
utterances, or speakers with all of their utterances. The interval is the studentised bootstrap's
(bootstrap-t): units are resampled with replacement; for each resample, the difference between its rate and
the observed rate is divided by the resample's own standard error. The 2.5 % and 97.5 % quantiles of these
ratios, times the observed standard error, give the ends. In simulations its coverage is right where
percentile and BCa intervals are too narrow: few units of varying length whose error rates differ.

Resamples cannot show what was hardly observed. If one unit has an error, a resample holds none or a few of
it, and resamples without any error have no spread. So if few units have errors (or few units changed, for a
difference), the interval is widened to the exact interval of their number, if that is wider.

The exact interval of a count is Clopper's and Pearson's: it reaches to the shares for which so few, or so
many, events have the probability of the tail. MOVER (Zou and Donner) combines two of them for a difference.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

Reach = tuple[float, float]  # below and above the observed value
LEVEL = 0.95
DRAWS = 2000
_TAIL = (1.0 - LEVEL) / 2.0
_BLOCK = 4_000_000  # units drawn at once
FEWEST_UNITS = 10  # utterances or speakers; fewer show too little of how units differ
FEW_EVENTS = 30  # units with errors, or with a change; with fewer, the bootstrap alone is too narrow

INTERVAL_DEFINITION = (
    f"{100 * LEVEL:.0f} % intervals: studentised bootstrap ({DRAWS} resamples with replacement, seeded) of "
    "the ratio of sums over utterances; the interval by speaker resamples whole speakers. Fewer than "
    f"{FEWEST_UNITS} utterances or speakers have no interval. If fewer than {FEW_EVENTS} of them have errors "
    "(or differ, in a comparison), it is widened to the exact interval of their number (Clopper and "
    "Pearson; MOVER for differences), times the root mean square of their errors. If all have the same "
    "rate, such as zero, it is the exact interval of independent phonemes"
)


class RateInterval(NamedTuple):
    """A rate and its 95 % interval."""

    rate: float
    low: float
    high: float
    units: int


class RateDifference(NamedTuple):
    """The difference between two rates over the same units."""

    difference: float  # second - first
    low: float
    high: float
    probability_lower: float  # share of resamples with a lower second rate; ties count half
    units: int


def rate_interval(
    errors: ArrayLike, lengths: ArrayLike, *, seed: int = 0, draws: int = DRAWS
) -> RateInterval | None:
    """Compute the interval of Σ errors / Σ lengths over units, (U,); None if there are too few units.

    >>> interval = rate_interval([1, 0, 2, 1] * 10, [10, 12, 9, 30] * 10)
    >>> round(interval.rate, 4), interval.low < interval.rate < interval.high
    (0.0656, True)
    """
    numerators, denominators = _columns(errors, lengths)
    if len(numerators) < FEWEST_UNITS or denominators.sum() <= 0:
        return None
    bootstrap = Bootstrap(numerators, denominators, seed, draws)
    low, high = bootstrap.ends()
    return RateInterval(bootstrap.rate, max(0.0, low), high, len(numerators))


def paired_difference(
    first: ArrayLike, second: ArrayLike, lengths: ArrayLike, *, seed: int = 0, draws: int = DRAWS
) -> RateDifference | None:
    """Compute the second rate minus the first, of two error counts over the same units, (U,).

    >>> paired_difference([3, 2, 4, 2] * 5, [2, 2, 3, 1] * 5, [10] * 20).probability_lower
    1.0
    """
    before, denominators = _columns(first, lengths)
    after, _ = _columns(second, lengths)
    gained = after - before
    if len(gained) < FEWEST_UNITS or denominators.sum() <= 0:
        return None
    bootstrap = Bootstrap(gained, denominators, seed, draws, of_difference=True)
    lower = (bootstrap.rates < 0).mean() + 0.5 * (bootstrap.rates == 0).mean()
    return RateDifference(bootstrap.rate, *bootstrap.ends(), float(lower), len(gained))


def sums_by_unit(keys: Sequence[str], *columns: ArrayLike) -> list[NDArray[np.float64]]:
    """Sum columns over the rows of one unit, such as the utterances of a speaker.

    >>> [column.tolist() for column in sums_by_unit(["a", "b", "a"], [1, 2, 3])]
    [[4.0, 2.0]]
    """
    _, inverse = np.unique(np.asarray(keys, dtype=np.str_), return_inverse=True)
    rows = [np.asarray(column, dtype=np.float64) for column in columns]
    return [np.bincount(inverse, weights=column).astype(np.float64) for column in rows]


def _columns(errors: ArrayLike, lengths: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    numerators, denominators = np.asarray(errors, dtype=np.float64), np.asarray(lengths, dtype=np.float64)
    if numerators.shape != denominators.shape or numerators.ndim != 1:
        raise ValueError(
            f"intervals: errors and lengths must be two columns of equal length, "
            f"got {numerators.shape} and {denominators.shape}"
        )
    return numerators, denominators


def share_reach(count: float, of: float, tail: float) -> Reach:
    """Return how far the share count / of reaches; counts may be fractions.

    >>> [round(1 / 200 + reach, 4) for reach in share_reach(1, 200, 0.025)]
    [0.0099, 0.0275]
    """
    share = count / of
    if count >= of:
        return share * (1.0 - tail ** (1.0 / of)), 0.0
    low = float(betaincinv(count, of - count + 1.0, tail)) if count > 0 else 0.0
    return share - low, float(betaincinv(count + 1.0, of - count, 1.0 - tail)) - share


def difference_reach(gained: float, lost: float, of: float, tail: float) -> Reach:
    """Return how far (gained - lost) / of reaches.

    Five changes against none in 200 are a difference, four are not.

    >>> [-lost / 200 + difference_reach(0, lost, 200, 0.025)[1] < 0 for lost in (4, 5)]
    [False, True]
    """
    (up_below, up_above), (down_below, down_above) = (
        share_reach(count, of, tail) for count in (gained, lost)
    )
    return math.hypot(up_below, down_above), math.hypot(up_above, down_below)


def _reach_of_sum(counts: NDArray[np.float64], of: float, tail: float) -> Reach:
    return share_reach(float(counts.sum()), of, tail)


def _reach_of_difference(counts: NDArray[np.float64], of: float, tail: float) -> Reach:
    return difference_reach(float(counts[counts > 0].sum()), float(-counts[counts < 0].sum()), of, tail)


class Bootstrap:
    """Resamples of a ratio of sums, or of the difference between two, each with its standard error."""

    def __init__(
        self,
        numerators: NDArray[np.float64],
        denominators: NDArray[np.float64],
        seed: int = 0,
        draws: int = DRAWS,
        *,
        of_difference: bool = False,
    ) -> None:
        count = len(numerators)
        moments = np.stack(
            [numerators, denominators, numerators**2, numerators * denominators, denominators**2], axis=1
        )  # (U, 5)
        rate, error = _ratios(moments.sum(axis=0, keepdims=True), count)
        self.rate, self.error = float(rate[0]), float(error[0])
        self.rates, errors = _ratios(_drawn_sums(moments, seed, draws), count)
        spread = errors > 0  # resamples without a spread are left out
        self._distances = np.sort((self.rates[spread] - self.rate) / errors[spread])
        self._counts, self._total = numerators, float(denominators.sum())
        self._reach_of = _reach_of_difference if of_difference else _reach_of_sum
        self._events = int(np.count_nonzero(numerators))

    @property
    def has_few_events(self) -> bool:
        """Whether the ends are at least the exact ones of the number of events."""
        return self.error == 0 or self._events < FEW_EVENTS

    def ends(self, tail: float = _TAIL) -> tuple[float, float]:
        """Return both ends: the bootstrap's; the exact ones if events are few and these lie further out."""
        if self.error == 0:  # all units have the same rate, so only their phonemes can be counted
            below, above = self._reach_of(self._counts, self._total, tail)
            return self.rate - below, self.rate + above
        low, high = self._drawn_ends(tail)
        if not self.has_few_events:
            return low, high
        below, above = self._reach_of(np.sign(self._counts), len(self._counts), tail)
        # The root mean square, not the mean: events of different sizes make the interval wider.
        size = math.sqrt((self._counts**2).sum() / self._events) * len(self._counts) / self._total
        return min(low, self.rate - size * below), max(high, self.rate + size * above)

    def _drawn_ends(self, tail: float) -> tuple[float, float]:
        if not len(self._distances):
            return self.rate, self.rate
        low, high = np.interp(
            np.array([tail, 1.0 - tail]) * (len(self._distances) - 1),
            np.arange(len(self._distances)),
            self._distances,
        )
        return self.rate - float(high) * self.error, self.rate - float(low) * self.error


def _drawn_sums(moments: NDArray[np.float64], seed: int, draws: int) -> NDArray[np.float64]:
    """Resample units with replacement and sum their moments, (U, 5) → (draws, 5)."""
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
    """Compute the ratio of sums of each resample and its standard error, by linearisation."""
    numerators, denominators, squares, products, lengths = sums.T
    # A resample without phonemes has no rate.
    denominators = np.where(denominators > 0, denominators, np.nan)
    rates = numerators / denominators
    residual = np.maximum(squares - 2.0 * rates * products + rates**2 * lengths, 0.0)
    # Rounding errors of a spread that is zero.
    residual[residual < 1e-9 * np.maximum(squares, 1.0)] = 0.0
    return rates, np.sqrt(residual * count / (count - 1)) / denominators
