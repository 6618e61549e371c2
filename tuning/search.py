"""The loop of a search: draw, start, follow and record trials until there are ``n_trials``."""

import logging
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import Trial, TrialState

from experiment.errors import ConfigError
from stop_signals import stop_if_requested
from tuning.results import Clock, SearchResult, status_line, values_line
from tuning.search_plan import SearchPlan
from tuning.study.claims import BEAT_INTERVAL_S, Claims
from tuning.study.components import hashed_seed
from tuning.study.study import KIND, REASON, REJECTED, SEED, STUDY_SEED, count
from tuning.trials.fork_server import ForkServer, Job
from tuning.trials.running_trial import GRACE_S, RunningTrial, TrialFailure, Verdict
from tuning.trials.trial_run import (
    LOG,
    TRAIN,
    prepare_folder,
    remove_checkpoints,
    trial_configuration,
    trial_folder,
)

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.2
_MAX_REJECTIONS = 200  # in a row
_MAX_REASON = 200  # characters of a failure's reason in the status line


@dataclass
class Search:
    """One worker of a search."""

    plan: SearchPlan
    study: Study
    claims: Claims  # give the trials
    server: ForkServer  # starts their processes
    environments: Sequence[Mapping[str, str]]  # one for each of the trials that run at once

    is_tested: ClassVar[bool] = False  # whether each trial evaluates test data at its end

    def __post_init__(self) -> None:
        self._running: dict[int, RunningTrial] = {}  # by child
        self._clock = Clock(count(self.study).finished)
        self.seed = int(self.study.user_attrs[STUDY_SEED])  # of the start that began the study
        self._waiting_is_logged = False

    def run(self) -> None:
        """Run until no trial is left; an interruption gives running trials back."""
        try:
            while True:
                stop_if_requested()
                self._start_trials()
                if not self._running:
                    if not self.claims.are_undecided() or self._is_out_of_time():
                        break
                    self._wait_for_others()
                self._look()
        except BaseException:
            self._give_back()
            raise
        if self.claims.is_exhausted and count(self.study).begun < self.plan.section.n_trials:
            log.info("the sampler has drawn all of its values")

    def draw(self, trial: Trial) -> dict[str, Any]:
        """Draw the configuration of a trial."""
        return self.plan.draw(trial)

    def seed_of(self, trial: Trial) -> int:
        """Return the seed of a trial's run."""
        return hashed_seed(self.seed, trial.number)

    def _wait_for_others(self) -> None:
        if not self._waiting_is_logged:
            log.info("trials run elsewhere: checking whether their workers are alive")
            self._waiting_is_logged = True
        time.sleep(1.0)

    def _give_back(self) -> None:
        for running in self._running.values():
            try:
                self.claims.give_back(running.trial)
            except Exception as error:  # noqa: BLE001 - the storage may be what has ended the search
                log.warning("trial %d could not be given back: %s", running.trial.number, error)

    def _is_out_of_time(self) -> bool:
        limit = self.plan.section.timeout
        return limit is not None and self._clock.elapsed_s() > limit

    def _start_trials(self) -> None:
        while len(self._running) < len(self.environments) and not self._is_out_of_time():
            trial = self.claims.next()
            if trial is None:
                return
            config = self.draw(trial)
            if self._is_allowed(trial, config):
                self._start(trial, config)

    def _is_allowed(self, trial: Trial, config: dict[str, Any]) -> bool:
        """Check the constraints; a trial whose configuration breaks one is rejected."""
        broken = self.plan.broken_constraints(config)
        for constraint in self.plan.constraints:
            if constraint.text not in trial.constraints:  # a trial that is run again has them
                trial.set_constraint(constraint.text, 1.0 if constraint.text in broken else 0.0)
        if not broken:
            return True
        trial.set_user_attr(REJECTED, broken[0])
        self.study.tell(trial, state=TrialState.PRUNED)
        last = self.study.get_trials(deepcopy=False)[-_MAX_REJECTIONS:]
        if len(last) == _MAX_REJECTIONS and all(REJECTED in trial.user_attrs for trial in last):
            raise ConfigError(
                f"optuna.constraints: {_MAX_REJECTIONS} draws in a row were rejected, "
                f"the last by {broken[0]!r}; narrow optuna.search_spaces"
            )
        return False

    def _start(self, trial: Trial, config: dict[str, Any]) -> None:
        plan = self.plan
        used = {running.slot for running in self._running.values()}
        slot = next(slot for slot in range(len(self.environments)) if slot not in used)
        environment = self.environments[slot]
        folder = trial_folder(plan.folder, trial.number)
        seed = self.seed_of(trial)
        trial.set_user_attr(SEED, seed)
        config = trial_configuration(config, seed, plan.name, folder, is_tested=self.is_tested)
        arguments = prepare_folder(folder, config, environment)
        child = self.server.start(Job(TRAIN, arguments, folder / LOG, environment))
        limit_s = plan.section.trial_timeout
        self._running[child] = RunningTrial(trial, child, slot, folder, plan.metrics, limit_s)
        log.info("trial %d begins: %s", trial.number, values_line(trial.params))

    def _look(self) -> None:
        ended = self.server.ended(_LOOK_EVERY_S)
        for child, status in ended.items():
            self._finish(self._running.pop(child), status)
        for running in self._running.values():
            self._attend(running)

    def _attend(self, running: RunningTrial) -> None:
        now = time.monotonic()
        if running.stopped_at is not None:
            if now - running.stopped_at > GRACE_S:
                self.server.stop(running.child, signal.SIGKILL)
            return
        try:
            running.verdict = running.follow()
        except UpdateFinishedTrialError:  # another worker took this one for dead and has finished the trial
            running.verdict = "pruned"
        if running.verdict is not None:
            running.stopped_at = now
            self.server.stop(running.child)
        elif now - running.begun > running.beats * BEAT_INTERVAL_S:
            running.beats += 1
            self.claims.beat(running.trial, running.beats)

    def _finish(self, running: RunningTrial, status: int) -> None:
        if not self.claims.is_mine(running.trial):
            log.warning("trial %d has passed to another worker", running.trial.number)
            return
        minimize = self.plan.directions[0] == "minimize"
        with suppress(UpdateFinishedTrialError):
            outcome = self._record(running.trial, running.outcome(status, minimize=minimize))
            result = SearchResult.of(self.plan.name, self.plan.metrics, self.study)
            self._remove_checkpoints(result)
            n_trials = self.plan.section.n_trials
            left_s = self._clock.left_s(result.counts.finished, n_trials)
            number, best = running.trial.number, result.best_so_far
            log.info("%s", status_line(number, outcome, result.counts, n_trials, best, left_s))

    def _record(self, trial: Trial, outcome: list[float] | Verdict) -> str:
        """Record an outcome in the study; returns it in words."""
        if isinstance(outcome, TrialFailure):
            trial.set_user_attr(KIND, outcome.kind)
            trial.set_user_attr(REASON, outcome.reason)
            self.study.tell(trial, state=TrialState.FAIL)
            return f"failed ({outcome.kind}): {outcome.reason[:_MAX_REASON]}"
        if outcome == "pruned":
            self.study.tell(trial, state=TrialState.PRUNED)
            return outcome
        self.study.tell(trial, outcome)
        return values_line(dict(zip(self.plan.metrics, outcome, strict=True)))

    def _remove_checkpoints(self, result: SearchResult) -> None:
        """Remove the weights, which take most of the space, of trials that are not to be kept."""
        keep = self.plan.section.keep_checkpoints
        if keep == "all":
            return
        kept = {trial.number for trial in result.best} if keep == "best" else set[int]()
        kept |= {running.trial.number for running in self._running.values()}
        for trial in result.trials:
            if trial.state.is_finished() and trial.number not in kept:
                remove_checkpoints(trial_folder(self.plan.folder, trial.number))
