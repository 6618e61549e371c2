"""Intervals over seeds and utterances together: other seeds, and other utterances.

The errors of S seeds in the same U utterances vary with the seed, with the utterance, and with both at once.
The variance of their mean is V_S + V_U - V_SU: of the means of seeds, of the means of utterances, and of
what neither explains, which is in both.

The part of the utterances is the studentised bootstrap of ``evaluation.intervals``; a drawn utterance is
drawn for every seed. Seeds are not resampled: three seeds give ten sets, and percentiles over them are too
narrow (78 % instead of 95 % where seeds differ much). Their part is Student's t distribution with S - 1
degrees of freedom. The quantile of the sum lies between those of both parts: it moves from the utterances'
to the seeds' by a power of w, the seeds' share of the variance. Cochran and Cox use w itself, which is too
wide for three seeds; Satterthwaite's approximation is near w squared, and too narrow; 1.5 is right in
simulations. The interval is never narrower than Student's over the seeds alone.

In these simulations, 95 % intervals over 3 to 10 seeds hold the truth in 94 to 96 % of studies, those over
two seeds in 95 to 98 %. Where fewer than 30 utterances have errors, the parts are added as MOVER does, and
what is in both counts twice: the interval is then too wide rather than too narrow.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from evaluation.intervals import DRAWS, FEWEST_UNITS, LEVEL, Bootstrap
from evaluation.seeds.means import Ends

_POWER = 1.5  # of the seeds' share of the variance
_HALVINGS = 30  # of the range in which a p value lies


class CrossedMean:
    """A rate over seeds and utterances, whose chance is that of both."""

    def __init__(
        self, errors: NDArray[np.float64], lengths: NDArray[np.float64], bootstrap: Bootstrap, lowest: float
    ) -> None:
        self._lowest = lowest
        self.mean = bootstrap.rate
        self._bootstrap, self._freedom = bootstrap, len(errors) - 1
        self._seeds, both = _variances(errors, lengths)
        self._utterances = max(bootstrap.error**2 - both, 0.0)

    def ends(self, level: float = LEVEL) -> Ends:
        """Return the interval that holds the true rate with a probability of ``level``."""
        return self._ends((1.0 - level) / 2.0)

    def p_value(self) -> float:
        """Return the probability at which the interval just holds zero, at least 2 / ``DRAWS``."""
        low, high = 1.0 / DRAWS, 0.5
        for _ in range(_HALVINGS):
            tail = (low + high) / 2.0
            low, high = (low, tail) if self._ends(tail).excludes_zero else (tail, high)
        return 2.0 * high

    def _ends(self, tail: float) -> Ends:
        low, high = self._bootstrap.ends(tail)
        of_seeds = math.sqrt(self._seeds) * float(stdtrit(self._freedom, 1.0 - tail))
        return Ends(
            max(self._lowest, self.mean - self._reach(of_seeds, self.mean - low)),
            self.mean + self._reach(of_seeds, high - self.mean),
        )

    def _reach(self, of_seeds: float, of_utterances: float) -> float:
        total = self._seeds + self._utterances
        if self._bootstrap.has_few_events or total == 0:
            return math.hypot(of_seeds, of_utterances)
        utterances = of_utterances / self._bootstrap.error  # as a number of standard errors
        seeds = of_seeds / math.sqrt(self._seeds) if self._seeds else utterances
        share = self._seeds / total
        return max(of_seeds, math.sqrt(total) * (utterances + (seeds - utterances) * share**_POWER))


def crossed_mean(
    errors: ArrayLike, lengths: ArrayLike, *, of_difference: bool = False, seed: int = 0, draws: int = DRAWS
) -> CrossedMean | None:
    """Compute Σ errors / Σ lengths; errors are (S, U), lengths (U,). None for one seed or few utterances.

    ``of_difference``: the errors are those of one variant minus those of another, seed by seed.

    >>> errors = [[1, 0, 2, 1] * 10, [1, 1, 2, 1] * 10, [1, 0, 2, 2] * 10]
    >>> found = crossed_mean(errors, [10, 12, 9, 30] * 10)
    >>> round(found.mean, 4), found.ends().low < found.mean < found.ends().high
    (0.0765, True)
    """
    counts, sizes = np.asarray(errors, dtype=np.float64), np.asarray(lengths, dtype=np.float64)
    if not len(counts):
        return None
    if counts.ndim != 2 or counts.shape[1:] != sizes.shape:
        raise ValueError(
            f"crossed_mean: errors must be (seeds, utterances) and lengths (utterances,), "
            f"got {counts.shape} and {sizes.shape}"
        )
    if len(counts) < 2 or len(sizes) < FEWEST_UNITS or sizes.sum() <= 0:
        return None
    bootstrap = Bootstrap(counts.mean(axis=0), sizes, seed, draws, of_difference=of_difference)
    return CrossedMean(counts, sizes, bootstrap, -math.inf if of_difference else 0.0)


def _variances(errors: NDArray[np.float64], lengths: NDArray[np.float64]) -> tuple[float, float]:
    """Return V_S and V_SU, by linearisation of the ratio of sums."""
    seeds, utterances = errors.shape
    rate = errors.sum() / seeds / lengths.sum()
    spread = (errors - rate * lengths) / lengths.mean()  # (S, U)
    of_seeds = spread.mean(axis=1, keepdims=True)
    rest = spread - of_seeds - spread.mean(axis=0)
    both = float((rest**2).sum()) / ((seeds - 1) * (utterances - 1) * seeds * utterances)
    return float(of_seeds.var(ddof=1)) / seeds, both
