"""The search itself: draw, start, follow, judge, until there are ``n_trials``."""

import logging
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import Trial, TrialState

from cli.configuration.sections import OptunaSection
from experiment.errors import ConfigError
from tuning.progress import Clock, best_so_far, best_trials, figures_line, trial_line
from tuning.space.constraints import Constraint
from tuning.space.search_space import SearchSpace, configuration
from tuning.study.claims import Claims
from tuning.study.components import seed_of
from tuning.study.ownership import BEAT_INTERVAL_S
from tuning.study.study import KIND, REASON, REJECTED, SEED, count, seed_of_study
from tuning.trials.fork_server import ForkServer, Job
from tuning.trials.outcome import Failure
from tuning.trials.running_trial import GRACE_S, RunningTrial
from tuning.trials.trial_files import (
    LOG,
    REPORTS,
    prepare_folder,
    remove_checkpoints,
    trial_configuration,
    trial_folder,
)

log = logging.getLogger(__name__)

TRAIN = "train"  # the fork server's task
_LOOK_EVERY_S = 0.2
_MAX_REJECTIONS = 200  # in a row
_MAX_RESULT = 200  # characters of a reason in one line


class SearchPlan(NamedTuple):
    """What does not change while a search runs.

    Args:
        section: the configuration's section.
        base: the configuration that trials change.
        name: of the study, and of its folder.
        folder: of the search.
        space: what is drawn.
        constraints: what must hold of what was drawn.
        metrics: what a trial is judged by.
        directions: for each metric, what is better.
        seed: of the search.
        slots: the environment of each of the trials that run at once.
    """

    section: OptunaSection
    base: dict[str, Any]
    name: str
    folder: Path
    space: SearchSpace
    constraints: Sequence[Constraint]
    metrics: Sequence[str]
    directions: Sequence[str]
    seed: int
    slots: Sequence[Mapping[str, str]]


class Search:
    """One worker of a search."""

    def __init__(self, plan: SearchPlan, study: Study, claims: Claims, server: ForkServer) -> None:
        self._plan = plan
        self._study = study
        self._claims = claims
        self._server = server
        self._running: dict[int, RunningTrial] = {}  # by child
        self._clock = Clock(count(study).finished)
        self._seed = seed_of_study(study, plan.seed)
        self._waits_said = False

    def run(self) -> None:
        """Until there is nothing left to run; trials under way go back when this is interrupted."""
        try:
            while True:
                self._start_trials()
                if not self._running:
                    if not self._claims.are_undecided() or self._is_out_of_time():
                        self._say_exhausted()
                        return
                    self._say_waiting()
                    time.sleep(1.0)
                self._look()
        except BaseException:
            self._give_back()
            raise

    def _give_back(self) -> None:
        for running in self._running.values():
            try:
                self._claims.give_back(running.trial)
            except Exception as error:  # noqa: BLE001 - the storage may be what has ended the search
                log.warning("trial %d could not be given back: %s", running.trial.number, error)

    def _is_out_of_time(self) -> bool:
        limit = self._plan.section.timeout
        return limit is not None and self._clock.elapsed_s() > limit

    def _say_exhausted(self) -> None:
        if self._claims.is_exhausted and count(self._study).begun < self._plan.section.n_trials:
            log.info("the sampler has been through all of its values")

    def _say_waiting(self) -> None:
        if not self._waits_said:
            log.info("trials run elsewhere: looking whether their workers live")
            self._waits_said = True

    def _start_trials(self) -> None:
        while len(self._running) < len(self._plan.slots) and not self._is_out_of_time():
            trial = self._claims.next()
            if trial is None:
                return
            if edits := self._drawn(trial):
                self._start(trial, edits)

    def _drawn(self, trial: Trial) -> dict[str, Any]:
        """The configuration of a trial; none where what was drawn cannot be."""
        config = configuration(self._plan.base, self._plan.space.draw(trial))
        broken = []
        for constraint in self._plan.constraints:
            holds = constraint.holds(config)
            if constraint.text not in trial.constraints:  # a trial that is run again has been judged
                trial.set_constraint(constraint.text, 0.0 if holds else 1.0)
            broken += [] if holds else [constraint.text]
        if not broken:
            return config
        trial.set_user_attr(REJECTED, broken[0])
        self._study.tell(trial, state=TrialState.PRUNED)
        self._check_rejections(broken[0])
        return {}

    def _check_rejections(self, broken: str) -> None:
        last = self._study.get_trials(deepcopy=False)[-_MAX_REJECTIONS:]
        if len(last) == _MAX_REJECTIONS and all(REJECTED in trial.user_attrs for trial in last):
            raise ConfigError(
                f"optuna.constraints: {_MAX_REJECTIONS} draws in a row were rejected, "
                f"the last by {broken!r}; narrow optuna.search_spaces"
            )

    def _start(self, trial: Trial, config: dict[str, Any]) -> None:
        used = {running.slot for running in self._running.values()}
        slot = next(slot for slot in range(len(self._plan.slots)) if slot not in used)
        folder = trial_folder(self._plan.folder, trial.number)
        seed = seed_of(self._seed, trial.number)
        trial.set_user_attr(SEED, seed)
        own = trial_configuration(
            config, study=self._plan.name, number=trial.number, seed=seed, reports=folder / REPORTS
        )
        environment = self._plan.slots[slot]
        arguments = prepare_folder(folder, own, environment)
        child = self._server.start(Job(TRAIN, arguments, folder / LOG, environment))
        self._running[child] = RunningTrial(
            trial, child, slot, folder, self._plan.metrics, self._plan.section.trial_timeout
        )
        log.info("trial %d begins: %s", trial.number, figures_of(trial.params))

    def _look(self) -> None:
        ended = self._server.ended(_LOOK_EVERY_S)
        for child, status in ended.items():
            self._finish(self._running.pop(child), status)
        for running in self._running.values():
            self._attend(running)

    def _attend(self, running: RunningTrial) -> None:
        now = time.monotonic()
        if running.stopped_at is not None:
            if now - running.stopped_at > GRACE_S:
                self._server.stop(running.child, signal.SIGKILL)
            return
        try:
            running.verdict = running.follow()
        except UpdateFinishedTrialError:  # another worker took this one for dead, and has been faster
            running.verdict = "pruned"
        if running.verdict is not None:
            running.stopped_at = now
            self._server.stop(running.child)
            return
        if now - running.begun > running.beats * BEAT_INTERVAL_S:
            running.beats += 1
            self._claims.beat(running.trial, running.beats)

    def _finish(self, running: RunningTrial, status: int) -> None:
        if not self._claims.is_mine(running.trial):
            log.warning("trial %d has passed to another worker", running.trial.number)
            return
        minimize = self._plan.directions[0] == "minimize"
        with suppress(UpdateFinishedTrialError):
            said = self._record(running.trial, running.outcome(status, minimize=minimize))
            self._keep_checkpoints(running)
            self._say(running.trial.number, said)

    def _record(self, trial: Trial, outcome: list[float] | str | Failure) -> str:
        """Tell the study; returns it in words."""
        if isinstance(outcome, Failure):
            trial.set_user_attr(KIND, outcome.kind)
            trial.set_user_attr(REASON, outcome.reason)
            self._study.tell(trial, state=TrialState.FAIL)
            return f"failed ({outcome.kind}): {outcome.reason[:_MAX_RESULT]}"
        if isinstance(outcome, str):
            self._study.tell(trial, state=TrialState.PRUNED)
            return "pruned"
        self._study.tell(trial, outcome)
        return figures_line(dict(zip(self._plan.metrics, outcome, strict=True)))

    def _keep_checkpoints(self, running: RunningTrial) -> None:
        """Weights take most of the space: keep what was asked for."""
        keep = self._plan.section.keep_checkpoints
        if keep == "all":
            return
        kept = {trial.number for trial in best_trials(self._study)} if keep == "best" else set[int]()
        still = {other.trial.number for other in self._running.values()}
        for trial in self._study.get_trials(deepcopy=False):
            if trial.state.is_finished() and trial.number not in kept | still:
                remove_checkpoints(trial_folder(self._plan.folder, trial.number))

    def _say(self, number: int, said: str) -> None:
        counts = count(self._study)
        n_trials = self._plan.section.n_trials
        best = best_so_far(self._study, self._plan.metrics)
        left = self._clock.left_s(counts.finished, n_trials)
        log.info("%s", trial_line(number, said, counts, n_trials, best, left))


def figures_of(params: Mapping[str, Any]) -> str:
    """Drawn values in a line.

    >>> figures_of({"model.lr": 0.00012345678, "model.optimizer": "SGD"})
    'model.lr 0.00012346, model.optimizer SGD'
    """
    return ", ".join(
        f"{name} {value:.5g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in params.items()
    )
