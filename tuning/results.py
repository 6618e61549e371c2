"""The results of a search: one object for logs, files and the report; ``best.yaml`` and ``summary.json``."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from optuna.study import Study
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from durable_files import write_durably
from tuning.search_plan import SearchPlan
from tuning.status_line import values_line
from tuning.study.study import KIND, REASON, SEED, Counts, best_trials, count, is_trial
from tuning.trials.trial_run import training_configuration, write_yaml

log = logging.getLogger(__name__)

BEST, SUMMARY = "best.yaml", "summary.json"
_FURTHER = "best_{}.yaml"  # the others of several metrics' best trials, by number


class SearchResult(NamedTuple):
    """A study's trials at one moment.

    Args:
        name: the search's name.
        metrics: the names of the metrics to optimise.
        study: the study, for Optuna's own evaluations.
        trials: all that count, in order.
        counts: how many trials are in which state.
        best: the best trial; with several metrics all that no other trial beats.
    """

    name: str
    metrics: Sequence[str]
    study: Study
    trials: Sequence[FrozenTrial]
    counts: Counts
    best: Sequence[FrozenTrial]

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
    """Return counts, the best trials and the failures, for programs."""
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
        "failures": [
            {
                "trial": trial.number,
                "kind": trial.user_attrs.get(KIND),
                "reason": trial.user_attrs.get(REASON),
            }
            for trial in result.in_state(TrialState.FAIL)
        ],
    }


def log_result(plan: SearchPlan, result: SearchResult, page: Path) -> int:
    """Log the result; returns the exit status: 1 where trials ended and none has a value."""
    counts = result.counts
    log.info(
        "search %s: %d of %d trials done: %d completed, %d pruned, %d failed%s",
        plan.name,
        counts.finished,
        plan.section.n_trials,
        counts.completed,
        counts.pruned,
        counts.failed,
        f"; {counts.running} run elsewhere" if counts.running else "",
    )
    for trial in result.best:
        values = dict(zip(plan.metrics, trial.values or [], strict=True))
        log.info("best: trial %d, %s: %s", trial.number, values_line(values), values_line(trial.params))
    if result.best:
        log.info("train it: ./run.sh train %s", plan.folder / BEST)
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
