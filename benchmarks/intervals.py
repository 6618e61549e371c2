"""Measure how often 95 % intervals of an error rate contain the true rate, on simulated utterances.

Run: ``python benchmarks/intervals.py [--draws 1000]``.

Utterances vary in length (36 phonemes on average), and their error rates vary around the true one
(beta-binomial errors). For each size of a test set the share of 1,000 simulated sets is printed whose
interval contains the true rate: this project's intervals (studentised bootstrap, widened where few utterances
have errors), and percentile intervals for comparison.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from evaluation.intervals import rate_interval  # noqa: E402 - found by the line above

SIZES = (10, 25, 50, 100, 200)
CONDITIONS = (  # rate, spread
    *((0.001, 0.02), (0.005, 0.02), (0.02, 0.02), (0.05, 0.02), (0.05, 0.1)),
    *((0.2, 0.02), (0.2, 0.1), (0.5, 0.1)),
)
RESAMPLES = 600


def utterances(
    generator: np.random.Generator, size: int, rate: float, spread: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the errors and lengths of a test set."""
    lengths = np.maximum(1, generator.gamma(4.0, 9.0, size).round()).astype(np.int64)
    own = generator.beta(rate * (1 / spread - 1), (1 - rate) * (1 / spread - 1), size)
    return generator.binomial(lengths, own), lengths


def percentile_interval(
    errors: NDArray[np.int64], lengths: NDArray[np.int64], generator: np.random.Generator
) -> tuple[float, float]:
    """Return the quantiles of the bootstrapped rates, the usual interval."""
    chosen = generator.integers(0, len(errors), (RESAMPLES, len(errors)))
    rates = errors[chosen].sum(axis=1) / lengths[chosen].sum(axis=1)
    low, high = np.quantile(rates, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000, help="test sets that are simulated")
    draws = parser.parse_args().draws
    print("utterances   rate  spread        ours %   percentile %")
    for size in SIZES:
        for rate, spread in CONDITIONS:
            generator = np.random.default_rng(size)
            held = usual = 0
            for _ in range(draws):
                errors, lengths = utterances(generator, size, rate, spread)
                interval = rate_interval(errors, lengths, draws=RESAMPLES)
                if interval is None:
                    raise RuntimeError("every simulated set has utterances enough")
                held += interval.low <= rate <= interval.high
                low, high = percentile_interval(errors, lengths, generator)
                usual += low <= rate <= high
            shares = f"{100 * held / draws:14.1f}  {100 * usual / draws:13.1f}"
            print(f"{size:10d}  {rate:5.3f}  {spread:6.2f}  {shares}", flush=True)


if __name__ == "__main__":
    main()
