"""How well scores rank: the area under the ROC curve and the correlation, with intervals over units.

Neither is a ratio of sums, so that the intervals are those of the percentile bootstrap: units, such as
utterances or speakers with all of their phonemes, are resampled with replacement.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from evaluation.intervals import FEWEST_UNITS, LEVEL, RateInterval

Rows = NDArray[np.intp]
_DRAWS = 1000


def area_under_curve(scores: ArrayLike, is_positive: ArrayLike) -> float:
    """Compute the probability that a positive scores higher than a negative; ties count half.

    It is NaN where one of both is missing.

    >>> area_under_curve([0.1, 0.4, 0.4, 0.9], [False, False, True, True])
    0.875
    """
    positive = np.asarray(is_positive, dtype=bool)
    ranks = rankdata(np.asarray(scores, dtype=np.float64))
    count = int(positive.sum())
    pairs = count * (len(positive) - count)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / pairs) if pairs else float("nan")


def correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Compute Pearson's correlation; NaN where one side does not vary.

    >>> round(correlation([1, 2, 3], [2, 4, 7]), 3)
    0.993
    """
    one, other = (np.asarray(side, dtype=np.float64) for side in (first, second))
    if not len(one) or not np.ptp(one) or not np.ptp(other):  # a mean of equal values may be off by rounding
        return float("nan")
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))


def resampled_interval(
    statistic: Callable[[Rows], float], keys: Sequence[str], *, seed: int = 0, draws: int = _DRAWS
) -> RateInterval | None:
    """Compute the interval of a statistic of rows; rows of one key stay together.

    It is None for too few keys, and where the statistic of all rows is no number.

    >>> values = np.arange(40.0)
    >>> found = resampled_interval(lambda rows: values[rows].mean(), [str(n % 20) for n in range(40)])
    >>> found.rate, found.low < 19.5 < found.high, found.units
    (19.5, True, 20)
    """
    _, inverse = np.unique(np.asarray(keys, dtype=np.str_), return_inverse=True)
    count = int(inverse.max()) + 1 if len(inverse) else 0
    if count < FEWEST_UNITS:
        return None
    order = np.argsort(inverse, kind="stable")
    value = float(statistic(order))
    if np.isnan(value):
        return None
    groups = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    generator = np.random.default_rng(seed)
    samples = (generator.integers(0, count, size=count) for _ in range(draws))
    drawn = np.array([statistic(np.concatenate([groups[unit] for unit in units])) for units in samples])
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.nanquantile(drawn, [tail, 1.0 - tail])
    return RateInterval(value, float(low), float(high), count)
