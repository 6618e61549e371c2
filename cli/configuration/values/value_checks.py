"""Numbers that no setting of a configuration takes: seeds out of range, NaN, negative limits."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from jsonargparse import Namespace

from experiment.errors import ConfigError

_SEEDS = ("seed", "seed_everything")
_LARGEST_SEED = 2**32 - 1  # NumPy takes no larger one
_LARGEST_NUMBER = 2**63 - 1  # of a tensor
# The key's end → the smallest and the largest value.
_RANGES: dict[str, tuple[float, float]] = {
    "trainer.accumulate_grad_batches": (1, math.inf),
    "trainer.check_val_every_n_epoch": (1, math.inf),
    "trainer.gradient_clip_val": (0.0, math.inf),
    "trainer.num_nodes": (1, 100_000),
    "data.num_workers": (0, 1024),
    "num_threads": (1, 1024),
    "optuna.n_jobs": (1, 1024),
    "study.n_jobs": (1, 1024),
    "study.seeds": (1, 1000),
    "study.tune.n_trials": (1, 100_000),
}


def check_values(section: Namespace) -> None:
    """Refuse numbers that would only fail, or mislead, once the run has begun."""
    for key, value in _numbers(section, ""):
        if math.isnan(value):
            raise ConfigError(f"{key} must be a number, got {value}")
        if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
            raise ConfigError(f"{key} must be a number of 64 bits, got one of {len(str(value))} digits")
        if key.rpartition(".")[2] in _SEEDS and not (isinstance(value, int) and 0 <= value <= _LARGEST_SEED):
            raise ConfigError(f"{key} must be a whole number between 0 and {_LARGEST_SEED}, got {value}")
        low, high = _RANGES.get(key, (-math.inf, math.inf))
        if not low <= value <= high:
            bounds = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
            raise ConfigError(f"{key} must be {bounds}, got {value}")


def _numbers(value: Any, key: str) -> Iterator[tuple[str, float]]:  # noqa: ANN401 - any part of a section
    """Yield all numbers of a section with their keys."""
    if isinstance(value, Namespace):
        value = vars(value)
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _numbers(one, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _numbers(one, f"{key}[{number}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield key, value
