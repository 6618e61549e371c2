"""Ctrl-C and SIGTERM: training stops between two steps, with a checkpoint; everything else at once.

Lightning saves and stops wherever it happens to be, in the middle of a step or of a validation, and its
handler of SIGTERM talks to other processes at any moment.
"""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks.every_run.resume_position import FitPlace
from experiment.ranks import is_first, stops_with_the_first

log = logging.getLogger(__name__)

_STATUS_OF_SIGNALS = 128


class Stopped(SystemExit):  # noqa: N818 - it is no error
    """The command was asked to stop.

    Args:
        number: the signal.
        message: what was saved, and how to resume.
        agreed: whether all processes of the run stop here.
    """

    def __init__(self, number: int, message: str = "", *, agreed: bool = False) -> None:
        self.message = f"stopped by {signal.Signals(number).name}" + (f": {message}" if message else "")
        # The first process awaits those that it has started: they have obeyed, their status is 0.
        super().__init__(0 if agreed and stops_with_the_first() else _STATUS_OF_SIGNALS + number)


class StopRequests:
    """Remembers that the process was asked to stop; stops at once unless a step is running."""

    def __init__(self) -> None:
        self.received: int | None = None
        self.can_wait = False  # whether `received` is read soon
        self._process, self._is_first = os.getpid(), is_first()

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if os.getpid() != self._process:
            _leave_to_parent(number)
        elif self.received is None and self.can_wait:
            self.received = number
            if self._is_first:  # logging could be what was interrupted
                name = signal.Signals(number).name
                os.write(2, f"\n{name}: stopping after this step; once more stops at once\n".encode())
        else:
            raise Stopped(number)

    def install(self) -> None:
        """Handle the signals here; Lightning replaces the handlers by others."""
        if threading.current_thread() is threading.main_thread():
            for number in _signals():
                signal.signal(number, self.handle)

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle signals for the time of a command."""
        before = {number: signal.getsignal(number) for number in _signals()}
        self.install()
        try:
            yield
        finally:
            if threading.current_thread() is threading.main_thread():
                for number, handler in before.items():
                    signal.signal(number, handler)


def _signals() -> list[signal.Signals]:
    """SLURM announces the end of a job's time by SIGUSR1, where it is asked to."""
    announced = [signal.SIGUSR1] if "SLURM_JOB_ID" in os.environ else []
    return [signal.SIGTERM, signal.SIGINT, *announced]


def _leave_to_parent(number: int) -> None:
    """Ignore Ctrl-C, which workers get, too: the parent ends them."""
    if number == signal.SIGTERM:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


class StopBetweenSteps(Callback):
    """Stops training where a checkpoint can be exact.

    Several processes agree at each step. In a validation one process alone stops at once, and does it
    again on resume; several end it first, because they do not validate equally many batches.
    """

    def __init__(self, requests: StopRequests, place: FitPlace) -> None:
        self._requests = requests
        self._place = place

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals back from Lightning."""
        self._requests.install()

    on_test_start = on_predict_start = on_sanity_check_start

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let requests wait for the end of a step from now on."""
        self._requests.install()
        self._requests.can_wait = True

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Stop between two steps."""
        if batch_idx % trainer.accumulate_grad_batches == 0 and self._is_asked(trainer):
            self._stop(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals back from Lightning."""
        self._requests.install()

    def on_validation_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Save what was trained; the validation will be repeated."""
        if self._requests.received and self._can_be_cut(trainer):
            self._place.validation_is_cut = True
            self._stop(trainer)

    @staticmethod
    def _can_be_cut(trainer: Trainer) -> bool:
        """Return whether nothing is lost: gradients are not being accumulated."""
        steps = trainer.fit_loop.epoch_loop
        return trainer.world_size == 1 and not trainer.sanity_checking and not steps._should_accumulate()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop where it was requested; the evaluation that follows stops at once."""
        self._requests.can_wait = False
        if self._is_asked(trainer):
            self._stop(trainer)

    def _is_asked(self, trainer: Trainer) -> bool:
        asked = self._requests.received is not None
        return (
            asked if trainer.world_size == 1 else trainer.strategy.reduce_boolean_decision(asked, all=False)
        )

    def _stop(self, trainer: Trainer) -> None:
        number = self._requests.received or signal.SIGTERM
        raise Stopped(number, _kept(trainer), agreed=True)


def _kept(trainer: Trainer) -> str:
    """Write a checkpoint, and describe how to resume from it."""
    step = trainer.global_step
    savers: list[Any] = [keeper for keeper in trainer.checkpoint_callbacks if hasattr(keeper, "save_now")]
    if not step:
        return "nothing was trained yet"
    if not savers or trainer.fast_dev_run:  # type: ignore[attr-defined]
        return f"step {step} is not saved: the configuration has no callbacks.CustomModelCheckpoint"
    paths = [Path(saver.save_now(trainer)) for saver in savers]
    return f"step {step} is in {paths[0]}; resume by the same command with --ckpt_path last"
