"""Differences of variants to a baseline, paired by seed, and corrected for their number.

Holm's procedure orders the p values of m variants and compares the smallest with 5 % / m, the next with
5 % / (m - 1), and so on, until one is above; from there on nothing is significant. The probability that any
of the variants is falsely called different is at most 5 %. The corrected interval of a variant has the level
of its comparison, from the first one above on that of this one. So it excludes zero exactly if the
corrected p value is below 5 %. Each holds its difference with a probability of 95 % or more; those without a
significant difference hold all of theirs at once with 95 %.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import LEVEL
from evaluation.seeds.crossed import CrossedMean, crossed_mean
from evaluation.seeds.means import Ends, StudentMean, student_mean


class SeedResults(NamedTuple):
    """The results of one variant under several seeds."""

    name: str
    values: Mapping[int, float]  # seed → metric; not finite where the run failed
    errors: Mapping[int, NDArray[np.float64]] = {}  # noqa: RUF012 - seed → errors by utterance, (U,)
    lengths: NDArray[np.float64] | None = None  # reference phonemes of the same utterances, (U,)


class SeedTest(NamedTuple):
    """A mean difference and its chance."""

    mean: float
    interval: Ends  # 95 %, of this difference alone
    p_value: float
    corrected: Ends  # excludes zero exactly if the corrected p value is below 5 %
    corrected_p: float  # Holm's
    comparisons: int  # that the correction counts


class SeedDifference(NamedTuple):
    """The difference of a variant to the baseline, variant - baseline, over the seeds that both have."""

    name: str
    baseline: str
    seeds: tuple[int, ...]
    left_out: tuple[int, ...]  # seeds without a result of one or both
    mean: float | None
    deviation: float | None  # standard deviation of the differences; None for one seed
    by_seeds: SeedTest | None  # other seeds on the same utterances; None for one seed, and if all are equal
    by_both: SeedTest | None  # other seeds and other utterances; None without errors by utterance


def compare_seeds(baseline: SeedResults, others: Sequence[SeedResults]) -> list[SeedDifference]:
    """Compare each variant with the baseline.

    >>> first = SeedResults("adamw", {1: 0.20, 2: 0.22, 3: 0.21})
    >>> (found,) = compare_seeds(first, [SeedResults("fam", {1: 0.18, 2: 0.21, 3: 0.19, 4: 0.2})])
    >>> round(found.mean, 4), found.seeds, found.left_out, round(found.by_seeds.p_value, 3)
    (-0.0167, (1, 2, 3), (4,), 0.038)
    """
    pairs = [_paired(baseline, other) for other in others]
    differences = [
        [other.values[seed] - baseline.values[seed] for seed in seeds]
        for other, seeds in zip(others, pairs, strict=True)
    ]
    by_seeds = _tests([student_mean(values) for values in differences])
    by_both = _tests([_crossed(baseline, other, seeds) for other, seeds in zip(others, pairs, strict=True)])
    return [
        SeedDifference(
            other.name,
            baseline.name,
            seeds,
            left_out=tuple(sorted((baseline.values.keys() | other.values.keys()) - set(seeds))),
            mean=float(np.mean(values)) if values else None,
            deviation=float(np.std(values, ddof=1)) if len(values) > 1 else None,
            by_seeds=of_seeds,
            by_both=of_both,
        )
        for other, seeds, values, of_seeds, of_both in zip(
            others, pairs, differences, by_seeds, by_both, strict=True
        )
    ]


def _paired(baseline: SeedResults, other: SeedResults) -> tuple[int, ...]:
    common = sorted(baseline.values.keys() & other.values.keys())
    return tuple(
        seed for seed in common if np.isfinite(baseline.values[seed]) and np.isfinite(other.values[seed])
    )


def _crossed(baseline: SeedResults, other: SeedResults, seeds: Sequence[int]) -> CrossedMean | None:
    both = [seed for seed in seeds if seed in baseline.errors and seed in other.errors]
    if baseline.lengths is None or len(both) < 2:
        return None
    gained = np.stack([other.errors[seed] - baseline.errors[seed] for seed in both])
    return crossed_mean(gained, baseline.lengths, of_difference=True)


def _tests(means: Sequence[StudentMean | CrossedMean | None]) -> list[SeedTest | None]:
    """Test each mean against zero, corrected for the number of those that can be tested."""
    p_values = [mean.p_value() for mean in means if mean is not None]
    corrections = iter(zip(p_values, holm(p_values), strict=True))
    found: list[SeedTest | None] = []
    for mean in means:
        if mean is None:
            found.append(None)
            continue
        p_value, correction = next(corrections)
        corrected = mean.ends(correction.level)
        found.append(SeedTest(mean.mean, mean.ends(), p_value, corrected, correction.p_value, len(p_values)))
    return found


class Correction(NamedTuple):
    """A p value that is corrected for the number of comparisons, and the level of its interval."""

    p_value: float
    level: float


def holm(p_values: Sequence[float]) -> list[Correction]:
    """Correct p values by Holm's procedure.

    >>> [(round(p, 3), round(level, 4)) for p, level in holm([0.03, 0.01, 0.6])]
    [(0.06, 0.975), (0.03, 0.9833), (0.6, 0.975)]
    """
    found: dict[int, Correction] = {}
    largest, level = 0.0, LEVEL
    for place, index in enumerate(np.argsort(p_values, kind="stable").tolist()):
        remaining = len(p_values) - place
        if largest < 1.0 - LEVEL:  # all before are significant
            level = 1.0 - (1.0 - LEVEL) / remaining
        largest = max(largest, min(1.0, remaining * p_values[index]))
        found[index] = Correction(largest, level)
    return [found[index] for index in range(len(p_values))]
