"""Measure how often 95 % intervals over seeds and utterances contain the true rate, on simulated studies.

Run: ``python benchmarks/seed_intervals.py [--draws 1000]``.

The error rate of an utterance varies with the utterance, with the seed, and with both (a gamma factor). For
each number of seeds the share of simulated studies is printed whose interval contains the true rate: this
project's intervals, percentiles of a bootstrap that resamples seeds and utterances, and Student's t interval
over the seeds, which describes other seeds on the same utterances alone.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from evaluation.seeds.crossed import crossed_mean  # noqa: E402 - found by the line above
from evaluation.seeds.means import Ends, seed_mean  # noqa: E402

RATE = 0.15
SEEDS = (2, 3, 5, 10)
UTTERANCES = (60, 150)
SPREADS = ((0.0, 0.3), (0.03, 0.3), (0.1, 0.3), (0.1, 1.0), (0.3, 0.3))  # of seeds, of seeds and utterances
RESAMPLES = 400
Study = tuple[NDArray[np.int64], NDArray[np.int64]]


def simulated(
    generator: np.random.Generator, seeds: int, utterances: int, spreads: tuple[float, float]
) -> Study:
    """Draw errors, (S, U), and lengths, (U,)."""
    lengths = np.maximum(1, generator.gamma(4.0, 9.0, utterances).round()).astype(np.int64)
    of_seeds, of_both = spreads
    rates = generator.beta(2.0, 2.0 / RATE - 2.0, utterances) * generator.normal(1.0, of_seeds, (seeds, 1))
    rates = rates * generator.gamma(1.0 / of_both**2, of_both**2, (seeds, utterances))
    return generator.binomial(lengths, np.clip(rates, 0.0, 1.0)), lengths


def percentile_interval(study: Study, generator: np.random.Generator) -> Ends:
    """Return quantiles of rates whose seeds and utterances are both resampled."""
    errors, lengths = study
    seeds, utterances = errors.shape
    of_seeds = generator.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES)
    of_utterances = generator.multinomial(utterances, np.full(utterances, 1 / utterances), RESAMPLES)
    counts = ((of_seeds @ errors) * of_utterances).sum(axis=1) / seeds
    low, high = np.quantile(counts / (of_utterances @ lengths), [0.025, 0.975])
    return Ends(float(low), float(high))


def intervals(study: Study, generator: np.random.Generator) -> tuple[Ends | None, ...]:
    """Return the three intervals of a study."""
    errors, lengths = study
    ours = crossed_mean(errors, lengths, draws=RESAMPLES)
    rates = dict(enumerate((errors.sum(axis=1) / lengths.sum()).tolist()))
    return ours.ends() if ours else None, percentile_interval(study, generator), seed_mean(rates).interval


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000, help="studies that are simulated")
    draws = parser.parse_args().draws
    print("seeds  utterances  spreads        ours %   percentile %   seeds alone %")
    for seeds in SEEDS:
        for utterances in UTTERANCES:
            for spreads in SPREADS:
                generator = np.random.default_rng(seeds)
                held = np.zeros(3)
                for _ in range(draws):
                    study = simulated(generator, seeds, utterances, spreads)
                    held += [
                        ends is not None and ends.low <= RATE <= ends.high
                        for ends in intervals(study, generator)
                    ]
                shares = "".join(f"{share:15.1f}" for share in 100 * held / draws)
                print(f"{seeds:5d}  {utterances:10d}  {spreads[0]:.2f}, {spreads[1]:.2f}{shares}", flush=True)


if __name__ == "__main__":
    main()
