"""Trials for this worker: each is run by one worker at a time, and ``n_trials`` in all.

A trial whose worker has died goes back among the waiting ones, with the values that it had drawn, and is run
again under its own number; so nothing is lost and nothing counts twice.
"""

import logging
from contextlib import suppress
from pathlib import Path

from filelock import FileLock
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from tuning.study.components import Samplers
from tuning.study.ownership import BEAT, OWNER, PATIENCE_S, Watch, fate_of, this_process
from tuning.study.study import SURPLUS, count, is_trial

log = logging.getLogger(__name__)

_GRID_ID = "grid_id"  # where Optuna's GridSampler keeps which point a trial is
_EXHAUSTED = "exhausted"  # attribute of a study whose sampler has no further values


class Claims:
    """Takes trials from a study.

    Args:
        study: the study.
        storage: where it is kept.
        samplers: draw the trials' values.
        lock_file: keeps workers that share it apart.
        n_trials: trials in all.
        all_share_lock: whether no worker can be without that lock.
        patience_s: silence after which a worker on another machine counts as dead.
    """

    def __init__(
        self,
        study: Study,
        storage: BaseStorage,
        samplers: Samplers,
        lock_file: Path,
        n_trials: int,
        *,
        all_share_lock: bool,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._study = study
        self._storage = storage
        self._samplers = samplers
        self._lock = FileLock(lock_file)
        self._n_trials = n_trials
        self._all_share_lock = all_share_lock
        self._watch = Watch(patience_s)
        self._me = this_process()
        # A grid that is done says so; Optuna expects that within its own loop alone.
        setattr(study, "stop", self._exhaust)  # noqa: B010 - one object's method, not its class'

    def _exhaust(self) -> None:
        """For all workers and starts: asked once more, a sampler would repeat itself."""
        self._study.set_user_attr(_EXHAUSTED, True)

    @property
    def is_exhausted(self) -> bool:
        """Whether the sampler has been through all of its values, or will be when running trials end."""
        if self._study.user_attrs.get(_EXHAUSTED):
            return True
        points = self._samplers.grid_points
        if points is None:
            return False
        trials = self._study.get_trials(deepcopy=False)
        taken = {trial.system_attrs[_GRID_ID] for trial in trials if _GRID_ID in trial.system_attrs}
        return len(taken) >= points

    def next(self) -> Trial | None:
        """A trial to run: an abandoned one, else a new one; None where there is nothing to do now."""
        with self._lock:
            self._release_abandoned()
            trials = self._study.get_trials(deepcopy=False)
            waiting = [trial.number for trial in trials if trial.state == TrialState.WAITING]
            if not waiting and (count(self._study).begun >= self._n_trials or self.is_exhausted):
                return None
            self._study.sampler = self._samplers.for_trial(min(waiting, default=len(trials)))
            trial = self._study.ask()
            self._storage.set_trial_user_attr(trial._trial_id, OWNER, self._me)
        if not self._all_share_lock and self._is_surplus(trial.number):
            trial.set_user_attr(SURPLUS, True)
            self._study.tell(trial, state=TrialState.FAIL)
            return self.next()
        return trial

    def beat(self, trial: Trial, number: int) -> None:
        """Tell workers elsewhere that a trial is being run."""
        with suppress(UpdateFinishedTrialError):
            self._storage.set_trial_user_attr(trial._trial_id, BEAT, number)

    def give_back(self, trial: Trial) -> None:
        """Let another start run this trial again."""
        with suppress(UpdateFinishedTrialError):
            self._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)

    def is_mine(self, trial: Trial) -> bool:
        """Whether the trial has not passed to another worker while this one was silent."""
        stored = self._storage.get_trial(trial._trial_id)
        return stored.state == TrialState.RUNNING and stored.user_attrs.get(OWNER) == self._me

    def are_undecided(self) -> bool:
        """Whether trials run elsewhere, and it is not known yet whether their workers live."""
        return any(
            fate_of(trial.user_attrs.get(OWNER) or {}) == "elsewhere" and self._watch.is_undecided(trial)
            for trial in self._running()
        )

    def _running(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def _release_abandoned(self) -> None:
        for trial in self._running():
            if self._is_abandoned(trial):
                log.info("trial %d was cut off; it is run again", trial.number)
                with suppress(UpdateFinishedTrialError):
                    self._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)

    def _is_abandoned(self, trial: FrozenTrial) -> bool:
        owner = trial.user_attrs.get(OWNER)
        if owner is None and self._all_share_lock:
            return True  # cut off between being asked for and being marked: both happen under the lock
        fate = fate_of(owner or {})
        return fate == "gone" or (fate == "elsewhere" and self._watch.is_silent(trial))

    def _is_surplus(self, number: int) -> bool:
        """Workers without a common lock may ask at once: the numbers say who came too late."""
        trials = self._study.get_trials(deepcopy=False)
        return sum(is_trial(trial) and trial.number < number for trial in trials) >= self._n_trials
