"""The mean of a metric over seeds, and how far the mean of other seeds may lie from it.

The interval over seeds is Student's t interval. It describes other seeds on the same utterances; that of
``crossed`` describes other seeds and other utterances.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from evaluation.intervals import LEVEL


class Ends(NamedTuple):
    """Both ends of an interval."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside."""
        return self.low > 0 or self.high < 0


class SeedMean(NamedTuple):
    """The mean of a metric over the seeds of one variant."""

    mean: float | None  # None if no run succeeded
    deviation: float | None  # the standard deviation of seeds; None for one seed
    interval: Ends | None  # 95 %, over seeds; None for one seed, and if all seeds are equal
    seeds: tuple[int, ...]  # in the mean
    failed: tuple[int, ...]  # without a finite value, left out of the mean


class StudentMean(NamedTuple):
    """A mean whose chance follows Student's t distribution."""

    mean: float
    error: float  # standard error of the mean
    freedom: int  # degrees of freedom

    def ends(self, level: float = LEVEL) -> Ends:
        """Return the interval that holds the true mean with a probability of ``level``."""
        reach = self.error * float(stdtrit(self.freedom, 0.5 + level / 2.0))
        return Ends(self.mean - reach, self.mean + reach)

    def p_value(self) -> float:
        """Return the probability of a mean at least so far from zero, if the true mean is zero."""
        return 2.0 * float(stdtr(self.freedom, -abs(self.mean) / self.error))


def seed_mean(values: Mapping[int, float]) -> SeedMean:
    """Compute the mean of a metric over seeds; what is not finite comes from failed runs.

    >>> found = seed_mean({1: 0.10, 2: 0.12, 3: 0.14, 4: float("nan")})
    >>> round(found.mean, 3), round(found.deviation, 3), found.seeds, found.failed
    (0.12, 0.02, (1, 2, 3), (4,))
    >>> [round(end, 4) for end in found.interval]
    [0.0703, 0.1697]
    """
    finite = {seed: value for seed, value in sorted(values.items()) if np.isfinite(value)}
    numbers = list(finite.values())
    student = student_mean(numbers)
    return SeedMean(
        mean=float(np.mean(numbers)) if numbers else None,
        deviation=float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None,
        interval=student.ends() if student else None,
        seeds=tuple(finite),
        failed=tuple(sorted(values.keys() - finite.keys())),
    )


def student_mean(numbers: Sequence[float]) -> StudentMean | None:
    """Compute the mean with its standard error; None if the numbers do not differ, or are fewer than two.

    >>> student_mean([0.1, 0.1, 0.1]) is None
    True
    """
    if len(numbers) < 2:
        return None
    error = float(np.std(numbers, ddof=1)) / len(numbers) ** 0.5
    # Rounding errors of a spread that is zero.
    is_spread = error > 1e-12 * float(np.max(np.abs(numbers)))
    return StudentMean(float(np.mean(numbers)), error, len(numbers) - 1) if is_spread else None
