"""The results of a search: one object for logs, files and the report; ``best.yaml`` and ``summary.json``."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from optuna.study import Study
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from durable_files import write_durably
from installation import PROGRAM
from tuning.search_plan import SearchPlan
from tuning.study.study import KIND, REASON, SEED, Counts, best_trials, count, is_trial
from tuning.trials.trial_run import training_configuration, write_yaml

log = logging.getLogger(__name__)

BEST, SUMMARY = "best.yaml", "summary.json"
_FURTHER = "best_{}.yaml"  # the others of several metrics' best trials, by number
_MINUTE, _HOUR = 60, 3600


class SearchResult(NamedTuple):
    """A study's trials at one moment."""

    name: str  # the search's
    metrics: Sequence[str]
    study: Study  # for Optuna's own evaluations
    trials: Sequence[FrozenTrial]  # all that count, in order
    counts: Counts
    best: Sequence[FrozenTrial]  # one; with several metrics all that no other trial beats

    @classmethod
    def of(cls, name: str, metrics: Sequence[str], study: Study) -> "SearchResult":
        """Read a study."""
        trials = [trial for trial in study.get_trials(deepcopy=False) if is_trial(trial)]
        return cls(name, metrics, study, trials, count(study), best_trials(study))

    def in_state(self, state: TrialState) -> list[FrozenTrial]:
        """Return the trials in a state."""
        return [trial for trial in self.trials if trial.state == state]

    @property
    def best_so_far(self) -> str:
        """The best value and its trial, empty before the first."""
        if not self.best:
            return ""
        if len(self.metrics) > 1:
            return f"{len(self.best)} trials that no other beats"
        return f"{self.best[0].values[0]:.5g} in trial {self.best[0].number}"

    def best_files(self) -> dict[str, FrozenTrial]:
        """Name the configuration files of the best trials; the first one's is ``best.yaml``."""
        return {
            _FURTHER.format(trial.number) if index else BEST: trial for index, trial in enumerate(self.best)
        }


def write_result(plan: SearchPlan, result: SearchResult) -> None:
    """Write the best configurations and the summary."""
    files = result.best_files()
    for name, trial in files.items():
        config = plan.draw(FixedTrial(trial.params))
        seed = int(trial.user_attrs[SEED])
        write_yaml(plan.folder / name, training_configuration(config, seed, f"{plan.name}_best"))
    for path in plan.folder.glob(_FURTHER.format("[0-9]*")):
        if path.name not in files:  # it has been beaten since the search ended the last time
            path.unlink(missing_ok=True)
    text = json.dumps(_summary(plan, result), indent=1, ensure_ascii=False, default=str)
    write_durably(plan.folder / SUMMARY, f"{text}\n")


def _summary(plan: SearchPlan, result: SearchResult) -> dict[str, Any]:
    """Return counts, the best trials, all trials and the failures, for programs."""
    return {
        "study": plan.name,
        "n_trials": plan.section.n_trials,
        **result.counts._asdict(),
        "best": [
            {
                "trial": trial.number,
                **dict(zip(plan.metrics, trial.values or [], strict=True)),
                "parameters": trial.params,
                "configuration": name,
            }
            for name, trial in result.best_files().items()
        ],
        "trials": [_record(plan, trial) for trial in result.trials],
        "failures": [
            {
                "trial": trial.number,
                "kind": trial.user_attrs.get(KIND),
                "reason": trial.user_attrs.get(REASON),
            }
            for trial in result.in_state(TrialState.FAIL)
        ],
    }


def _record(plan: SearchPlan, trial: FrozenTrial) -> dict[str, Any]:
    """Return what a trial drew and reached; a pruned trial has only the values of its validations."""
    seconds = None if trial.duration is None else round(trial.duration.total_seconds(), 3)
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        "seconds": seconds,
        **dict(zip(plan.metrics, trial.values or [None] * len(plan.metrics), strict=True)),
        "validations": [value for _, value in sorted(trial.intermediate_values.items())],
        "parameters": trial.params,
    }


def log_result(plan: SearchPlan, result: SearchResult, page: Path) -> int:
    """Log the result; returns the exit status: 1 where trials ended and none has a value."""
    counts = result.counts
    states = f"{counts.completed} completed, {counts.pruned} pruned, {counts.failed} failed"
    elsewhere = f"; {counts.running} run elsewhere" if counts.running else ""
    done = f"{counts.finished} of {plan.section.n_trials} trials done: {states}{elsewhere}"
    log.info("search %s: %s", plan.name, done)
    for trial in result.best:
        values = dict(zip(plan.metrics, trial.values or [], strict=True))
        log.info("best: trial %d, %s: %s", trial.number, values_line(values), values_line(trial.params))
    if result.best:
        log.info("train it: %s train %s", PROGRAM, plan.folder / BEST)
    log.info("report: %s", page)
    if result.best or counts.running or not counts.finished:
        return 0
    failed = result.in_state(TrialState.FAIL)
    if not failed:
        log.error("no trial has a value: all %d were pruned; check optuna.pruner", counts.pruned)
        return 1
    kind, reason = (failed[0].user_attrs.get(key, "unknown") for key in (KIND, REASON))
    log.error("no trial has a value; the first (trial %s) failed (%s): %s", failed[0].number, kind, reason)
    return 1


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


@dataclass
class Clock:
    """Estimates the time left from the pace of all workers together since this one began."""

    finished_before: int  # trials

    def __post_init__(self) -> None:
        self._begun = time.monotonic()

    def elapsed_s(self) -> float:
        """Return the seconds since this worker began."""
        return time.monotonic() - self._begun

    def left_s(self, finished: int, n_trials: int) -> float | None:
        """Estimate the seconds until all trials have ended; None before the first has ended."""
        done, left = finished - self.finished_before, n_trials - finished
        return self.elapsed_s() / done * left if done > 0 and left > 0 else None
