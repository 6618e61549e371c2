"""The line that a search logs after each trial."""

import time
from collections.abc import Mapping
from typing import Any

from tuning.study.study import Counts

_MINUTE, _HOUR = 60, 3600


def status_line(
    number: int, outcome: str, counts: Counts, n_trials: int, best: str, left_s: float | None
) -> str:
    """Format how far the search is after a trial.

    >>> counts = Counts(completed=3, pruned=1, failed=0, running=1, waiting=0, rejected=0)
    >>> status_line(3, "val_per 0.2", counts, 8, "0.1 in trial 2", 240.0)
    'trial 3: val_per 0.2 | 4 of 8 done, 1 pruned, 0 failed | best 0.1 in trial 2 | about 4 min left'
    """
    rejected = f", {counts.rejected} draws rejected" if counts.rejected else ""
    parts = [
        f"trial {number}: {outcome}",
        f"{counts.finished} of {n_trials} done, {counts.pruned} pruned, {counts.failed} failed{rejected}",
        f"best {best}" if best else "",
        "" if left_s is None else f"about {duration(left_s)} left",
    ]
    return " | ".join(filter(None, parts))


def duration(seconds: float) -> str:
    """Format a duration.

    >>> duration(42.3), duration(600), duration(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < _HOUR else f"{seconds / _HOUR:.1f} h"


def values_line(values: Mapping[str, Any]) -> str:
    """Format metrics or parameters with their names.

    >>> values_line({"val_per": 0.123456, "val_loss": 2.0, "model.optimizer": "SGD"})
    'val_per 0.12346, val_loss 2, model.optimizer SGD'
    """
    return ", ".join(
        f"{name} {value:.5g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
    )


class Clock:
    """Estimates the time left from the pace of all workers together since this one began.

    Args:
        finished: the number of trials that had ended before.
    """

    def __init__(self, finished: int) -> None:
        self._begun = time.monotonic()
        self._finished_before = finished

    def elapsed_s(self) -> float:
        """Return the seconds since this worker began."""
        return time.monotonic() - self._begun

    def left_s(self, finished: int, n_trials: int) -> float | None:
        """Estimate the seconds until all trials have ended; None before the first has ended."""
        done, left = finished - self._finished_before, n_trials - finished
        return self.elapsed_s() / done * left if done > 0 and left > 0 else None
