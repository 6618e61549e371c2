"""Give trials to workers: each is run by one worker at a time, and there are ``n_trials`` in all.

A trial whose worker has died waits again, with the values that were drawn for it, and is run again under its
own number; so nothing is lost and nothing counts twice.
"""

import logging
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from tuning.study.components import Samplers
from tuning.study.storage import SearchStorage
from tuning.study.study import SURPLUS, count, is_trial

log = logging.getLogger(__name__)

OWNER, BEAT = "owner", "beat"  # attributes of a trial
BEAT_INTERVAL_S = 20.0
_PATIENCE_S = 90.0  # without a new beat from another machine
_GRID_ID = "grid_id"  # Optuna's GridSampler keeps here which point a trial is
_EXHAUSTED = "exhausted"  # attribute of a study whose sampler has no further values


@dataclass
class Claims:
    """Takes trials from a study."""

    study: Study
    storage: SearchStorage  # the study's
    samplers: Samplers
    n_trials: int  # in all
    _: KW_ONLY
    patience_s: float = _PATIENCE_S  # the silence after which a worker on another machine counts as dead

    def __post_init__(self) -> None:
        self._lock = FileLock(self.storage.lock_file)
        self._all_share_lock = self.storage.has_common_lock
        self._watch = _Watch(self.patience_s)
        self._me = this_process()

        def exhaust() -> None:
            """Stop all workers and starts: a sampler that is asked once more would repeat itself."""
            self.study.set_user_attr(_EXHAUSTED, True)

        # A grid that is done calls this; Optuna expects the call within its own loop alone.
        setattr(self.study, "stop", exhaust)  # noqa: B010 - one object's method, not its class'

    @property
    def is_exhausted(self) -> bool:
        """Whether the sampler has drawn all of its values; the last ones may still be running."""
        if self.study.user_attrs.get(_EXHAUSTED):
            return True
        points = self.samplers.grid_points
        trials = self.study.get_trials(deepcopy=False)
        taken = {trial.system_attrs[_GRID_ID] for trial in trials if _GRID_ID in trial.system_attrs}
        return points is not None and len(taken) >= points

    def next(self) -> Trial | None:
        """Claim a trial: an abandoned one, else a new one; None where there is nothing to do now."""
        with self._lock:
            for running in self._running():
                if self._is_abandoned(running):
                    log.info("trial %d was cut off; it is run again", running.number)
                    self.give_back(running)
            trials = self.study.get_trials(deepcopy=False)
            waiting = [trial.number for trial in trials if trial.state == TrialState.WAITING]
            if not waiting and (count(self.study).begun >= self.n_trials or self.is_exhausted):
                return None
            self.study.sampler = self.samplers.for_trial(min(waiting, default=len(trials)))
            trial = self.study.ask()
            self.storage.connection.set_trial_user_attr(trial._trial_id, OWNER, self._me)
        if not self._all_share_lock and self._is_surplus(trial.number):
            trial.set_user_attr(SURPLUS, True)
            self.study.tell(trial, state=TrialState.FAIL)
            return self.next()
        return trial

    def beat(self, trial: Trial, number: int) -> None:
        """Show workers on other machines that a trial is still running."""
        with suppress(UpdateFinishedTrialError):
            self.storage.connection.set_trial_user_attr(trial._trial_id, BEAT, number)

    def give_back(self, trial: Trial | FrozenTrial) -> None:
        """Let a worker run this trial again."""
        with suppress(UpdateFinishedTrialError):
            self.storage.connection.set_trial_state_values(trial._trial_id, TrialState.WAITING)

    def is_mine(self, trial: Trial) -> bool:
        """Check that the trial has not passed to another worker while this one was silent."""
        stored = self.storage.connection.get_trial(trial._trial_id)
        return stored.state == TrialState.RUNNING and stored.user_attrs.get(OWNER) == self._me

    def are_undecided(self) -> bool:
        """Check for trials on other machines whose workers may be alive or dead."""
        return any(
            fate_of(trial.user_attrs.get(OWNER) or {}) == "elsewhere" and self._watch.is_undecided(trial)
            for trial in self._running()
        )

    def _running(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def _is_abandoned(self, trial: FrozenTrial) -> bool:
        owner = trial.user_attrs.get(OWNER)
        if owner is None and self._all_share_lock:
            return True  # cut off while it was created: it gets its owner under the same lock
        fate = fate_of(owner or {})
        return fate == "gone" or (fate == "elsewhere" and self._watch.is_silent(trial))

    def _is_surplus(self, number: int) -> bool:
        """Check that workers without a common lock have not created a trial too many; numbers decide."""
        trials = self.study.get_trials(deepcopy=False)
        return sum(is_trial(trial) and trial.number < number for trial in trials) >= self.n_trials


@dataclass
class _Watch:
    """Separates silent owners on other machines from working ones; clocks need not agree."""

    patience_s: float
    # trial → last beat, since when, has it changed
    _seen: dict[int, tuple[object, float, bool]] = field(default_factory=dict, init=False)

    def is_silent(self, trial: FrozenTrial) -> bool:
        """Check that no beat has come for too long; the first call starts the clock."""
        beat, now = (trial.user_attrs.get(OWNER), trial.user_attrs.get(BEAT)), time.monotonic()
        known = self._seen.get(trial.number)
        if known is None or known[0] != beat:
            self._seen[trial.number] = (beat, now, known is not None)
            return False
        return now - known[1] > self.patience_s

    def is_undecided(self, trial: FrozenTrial) -> bool:
        """Check that neither a beat nor a long silence has shown whether the owner lives."""
        known = self._seen.get(trial.number)
        return known is None or not known[2]


def this_process() -> dict[str, Any]:
    """Identify this process among all others, also a later one with its number."""
    return {"host": _host(), "pid": os.getpid(), "started": _start_of(os.getpid())}


def fate_of(owner: Mapping[str, Any]) -> Literal["lives", "gone", "elsewhere"]:
    """Check whether an owner lives, as far as this machine can know."""
    if owner.get("host") != _host():
        return "elsewhere"
    return "lives" if _start_of(int(owner["pid"])) == owner["started"] else "gone"


def _host() -> str:
    """Identify this machine since its start; within a container, the container."""
    boot_file = Path("/proc/sys/kernel/random/boot_id")
    boot = boot_file.read_text(encoding="ascii").strip() if boot_file.is_file() else ""
    process_space = ""
    with suppress(OSError):
        process_space = os.readlink("/proc/self/ns/pid")
    return f"{socket.gethostname()} {boot} {process_space}"


def _start_of(process: int) -> str | None:
    """Return when a process began, in the kernel's ticks; None where it has ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]
