"""Orders checkpoints whose monitored metric is the same: the one with the lower validation loss is better."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

TIE_BREAKER = "val_loss"


class BestAndWorst(NamedTuple):
    """The paths of the best and of the worst kept checkpoint."""

    best: str
    worst: str


def best_and_worst(scores: Mapping[str, Any], losses: Mapping[str, float], mode: str) -> BestAndWorst:
    """Order checkpoints by their score, then by their loss (by file name); of equal ones the older is better.

    >>> best_and_worst({"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 3.0, "b": 2.0, "c": 2.5}, "min")
    BestAndWorst(best='b', worst='a')
    """
    sign = 1.0 if mode == "min" else -1.0
    order = sorted(
        scores, key=lambda path: (sign * float(scores[path]), losses.get(Path(path).name, math.inf))
    )
    return BestAndWorst(order[0], order[-1])
