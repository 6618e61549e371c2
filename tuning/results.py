"""What a search leaves behind: the best configuration, a summary, a page."""

import json
import logging
from typing import Any

from optuna.study import Study
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from durable_files import write_durably
from experiment.layout import REPORT_FILE
from tuning.progress import best_trials, figures_line
from tuning.search import SearchPlan, figures_of
from tuning.space.search_space import configuration
from tuning.study.study import KIND, REASON, SEED, count, is_trial
from tuning.trials.trial_files import best_configuration, write_yaml

log = logging.getLogger(__name__)

BEST, SUMMARY = "best.yaml", "summary.json"
_FURTHER = "best_{}.yaml"  # of several metrics


def conclude(plan: SearchPlan, study: Study) -> int:
    """Write what was found and say it; returns the exit status: 1 where no trial has come to a value."""
    # Imported only now: drawing takes seconds to load, which every start of a worker would pay.
    from reports.html.page import write_page
    from tuning.search_page import search_page

    best = best_trials(study)
    names = names_of(best)
    for trial, name in zip(best, names, strict=True):
        write_yaml(plan.folder / name, _configuration(plan, trial))
    for path in plan.folder.glob(_FURTHER.format("[0-9]*")):
        if path.name not in names:  # it has been beaten since an earlier end
            path.unlink(missing_ok=True)
    text = json.dumps(summary(plan, study), indent=1, ensure_ascii=False, default=str)
    write_durably(plan.folder / SUMMARY, f"{text}\n")
    write_page(plan.folder / REPORT_FILE, search_page(plan.name, study, plan.metrics))
    return _say(plan, study, best)


def names_of(best: list[FrozenTrial]) -> list[str]:
    """The first is best.yaml; others that none beats have their number in the name."""
    return [_FURTHER.format(trial.number) if index else BEST for index, trial in enumerate(best)]


def summary(plan: SearchPlan, study: Study) -> dict[str, Any]:
    """Counts, the best trials and the failures, for programs."""
    counts = count(study)
    return {
        "study": plan.name,
        "n_trials": plan.section.n_trials,
        **counts._asdict(),
        "best": [
            {
                "trial": trial.number,
                **dict(zip(plan.metrics, trial.values or [], strict=True)),
                "parameters": trial.params,
                "configuration": name,
            }
            for best in [best_trials(study)]
            for trial, name in zip(best, names_of(best), strict=True)
        ],
        "failures": [
            {
                "trial": trial.number,
                "kind": trial.user_attrs.get(KIND),
                "reason": trial.user_attrs.get(REASON),
            }
            for trial in _failed(study)
        ],
    }


def _failed(study: Study) -> list[FrozenTrial]:
    trials = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    return [trial for trial in trials if is_trial(trial)]


def _configuration(plan: SearchPlan, trial: FrozenTrial) -> dict[str, Any]:
    config = configuration(plan.base, plan.space.draw(FixedTrial(trial.params)))
    seed = int(trial.user_attrs[SEED])
    return best_configuration(config, seed=seed, name=f"{plan.name}_best")


def _say(plan: SearchPlan, study: Study, best: list[FrozenTrial]) -> int:
    counts = count(study)
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
    for trial in best:
        values = dict(zip(plan.metrics, trial.values or [], strict=True))
        log.info("best: trial %d, %s: %s", trial.number, figures_line(values), figures_of(trial.params))
    if best:
        log.info("train it: ./run.sh train %s", plan.folder / BEST)
    log.info("search: %s", plan.folder / REPORT_FILE)
    if best or counts.running or not counts.finished:
        return 0
    failed = _failed(study)
    if not failed:
        log.error("no trial has come to a value: all %d were pruned; check optuna.pruner", counts.pruned)
        return 1
    first = failed[0].user_attrs
    log.error(
        "no trial has come to a value; the first (trial %s) failed (%s): %s",
        failed[0].number,
        first.get(KIND, "unknown"),
        first.get(REASON, "unknown"),
    )
    return 1
