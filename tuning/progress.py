"""Lines that one can follow a search by."""

import time
from collections.abc import Mapping, Sequence

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from tuning.study.study import Counts

_MINUTE, _HOUR = 60, 3600


def trial_line(number: int, said: str, counts: Counts, n_trials: int, best: str, left_s: float | None) -> str:
    """How far the search is after a trial.

    >>> counts = Counts(completed=3, pruned=1, failed=0, running=1, waiting=0, rejected=0)
    >>> trial_line(3, "val_per 0.2", counts, 8, "0.1 in trial 2", 240.0)
    'trial 3: val_per 0.2 | 4 of 8 done, 1 pruned, 0 failed | best 0.1 in trial 2 | about 4 min left'
    """
    parts = [
        f"trial {number}: {said}",
        f"{counts.finished} of {n_trials} done, {counts.pruned} pruned, {counts.failed} failed",
    ]
    if counts.rejected:
        parts[1] += f", {counts.rejected} draws rejected"
    if best:
        parts.append(f"best {best}")
    if left_s is not None:
        parts.append(f"about {duration(left_s)} left")
    return " | ".join(parts)


def duration(seconds: float) -> str:
    """A time for people.

    >>> duration(42.3), duration(600), duration(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < _HOUR else f"{seconds / _HOUR:.1f} h"


def figures_line(values: Mapping[str, float]) -> str:
    """Figures with their names.

    >>> figures_line({"val_per": 0.123456, "val_loss": 2.0})
    'val_per 0.12346, val_loss 2'
    """
    return ", ".join(f"{name} {value:.5g}" for name, value in values.items())


def best_trials(study: Study) -> list[FrozenTrial]:
    """The best trial; with several metrics all that none beats, those best in the first metric first."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not trials:
        return []
    sign = -1 if study.directions[0] == StudyDirection.MAXIMIZE else 1
    front = trials if len(study.directions) == 1 else study.best_trials
    ordered = sorted(front, key=lambda trial: (sign * trial.values[0], trial.number))
    return ordered[:1] if len(study.directions) == 1 else ordered


def best_so_far(study: Study, metrics: Sequence[str]) -> str:
    """The best value and its trial; nothing before the first."""
    best = best_trials(study)
    if not best:
        return ""
    if len(metrics) > 1:
        return f"{len(best)} trials that none beats"
    return f"{best[0].values[0]:.5g} in trial {best[0].number}"


class Clock:
    """Estimates the time left from the pace so far, of all workers together.

    Args:
        finished: trials that were over before.
    """

    def __init__(self, finished: int) -> None:
        self._begun = time.monotonic()
        self._finished_before = finished

    def elapsed_s(self) -> float:
        """Seconds since this worker began."""
        return time.monotonic() - self._begun

    def left_s(self, finished: int, n_trials: int) -> float | None:
        """Seconds until all trials are over, at the pace so far; None where nothing tells."""
        done, left = finished - self._finished_before, n_trials - finished
        return self.elapsed_s() / done * left if done > 0 and left > 0 else None
