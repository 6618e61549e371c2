"""Ctrl-C and SIGTERM: training stops between two steps, with a checkpoint; everything else stops at once.

Lightning saves and stops at any point, also in the middle of a step or of a validation, and its handler of
SIGTERM communicates with other processes at any moment.
"""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from callbacks.every_run.resume_position import ResumePosition
from experiment.ranks import is_first, stops_with_the_first

log = logging.getLogger(__name__)

_STATUS_OF_SIGNALS = 128


class Stopped(SystemExit):  # noqa: N818 - it is no error
    """A signal has stopped the command; the message describes what was saved, and how to resume.

    ``agreed`` means that all processes of the run stop at this point.
    """

    def __init__(self, number: int, message: str = "", *, agreed: bool = False) -> None:
        self.message = f"stopped by {signal.Signals(number).name}" + (f": {message}" if message else "")
        # The first process waits for those that it started, and needs status 0 of them after an agreed stop.
        super().__init__(0 if agreed and stops_with_the_first() else _STATUS_OF_SIGNALS + number)


class StopRequests:
    """Records a signal that asks the process to stop; stops at once unless a training step is in progress."""

    def __init__(self) -> None:
        self.received: int | None = None
        self.can_wait = False  # whether training reads `received` soon
        self._process, self._is_first = os.getpid(), is_first()

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if os.getpid() != self._process:
            _leave_to_parent(number)
        elif self.received is None and self.can_wait:
            self.received = number
            if self._is_first:  # the signal may have interrupted the logging module
                name = signal.Signals(number).name
                os.write(2, f"\n{name}: stopping after this step; once more stops at once\n".encode())
        else:
            raise Stopped(number)

    def install(self) -> dict[signal.Signals, Any]:
        """Handle the signals here, also after Lightning has replaced the handlers; return those before."""
        if threading.current_thread() is not threading.main_thread():
            return {}
        return {number: signal.signal(number, self.handle) for number in _signals()}

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle signals while a command runs."""
        before = self.install()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _signals() -> list[signal.Signals]:
    """List the signals; SLURM announces the end of a job's time by SIGUSR1, where it is asked to."""
    announced = [signal.SIGUSR1] if "SLURM_JOB_ID" in os.environ else []
    return [signal.SIGTERM, signal.SIGINT, *announced]


def _leave_to_parent(number: int) -> None:
    """Ignore Ctrl-C in a worker, which receives it too, but ends when its parent ends it."""
    if number == signal.SIGTERM:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


class StopBetweenSteps(Callback):
    """Stops training where a checkpoint can be exact.

    Several processes agree at each step. A run with one process stops at once during validation, and
    repeats the validation after resuming. A run with several processes first finishes the validation,
    because their numbers of batches differ.
    """

    def __init__(self, requests: StopRequests, position: ResumePosition) -> None:
        self._requests = requests
        self._position = position

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Install the handlers again after Lightning has replaced them."""
        self._requests.install()

    on_validation_start = on_test_start = on_predict_start = on_sanity_check_start

    @override
    def on_train_start(self, *_: object) -> None:
        self._requests.install()
        self._requests.can_wait = True  # for the end of a step

    @override
    def on_train_batch_start(self, trainer: Trainer, module: object, batch: object, batch_idx: int) -> None:
        if batch_idx % trainer.accumulate_grad_batches == 0:
            self._stop_if_requested(trainer)

    def on_validation_batch_start(self, trainer: Trainer, *_: object) -> None:
        """Save what was trained; the resumed run repeats the whole validation."""
        if not self._requests.received or trainer.world_size > 1 or trainer.sanity_checking:
            return
        if not trainer.fit_loop.epoch_loop._should_accumulate():  # accumulated gradients would be lost
            self._position.validation_is_cut = True
            self._stop(trainer)

    @override
    def on_train_end(self, trainer: Trainer, *_: object) -> None:
        self._requests.can_wait = False  # only evaluations follow
        self._stop_if_requested(trainer)

    def _stop_if_requested(self, trainer: Trainer) -> None:
        requested = self._requests.received is not None
        if trainer.world_size > 1:
            requested = trainer.strategy.reduce_boolean_decision(requested, all=False)
        if requested:
            self._stop(trainer)

    def _stop(self, trainer: Trainer) -> NoReturn:
        raise Stopped(self._requests.received or signal.SIGTERM, _save(trainer), agreed=True)


def _save(trainer: Trainer) -> str:
    """Write a checkpoint, and describe how to resume from it."""
    step = trainer.global_step
    savers: list[Any] = [one for one in trainer.checkpoint_callbacks if hasattr(one, "save_now")]
    if not step:
        return "nothing was trained yet"
    if not savers or trainer.fast_dev_run:  # type: ignore[attr-defined]
        return f"step {step} is not saved: the configuration has no callbacks.CustomModelCheckpoint"
    paths = [saver.save_now(trainer) for saver in savers]
    return f"step {step} is in {paths[0]}; resume by the same command with --ckpt_path last"
