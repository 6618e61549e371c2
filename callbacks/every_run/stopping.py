"""Ctrl-C and SIGTERM: training stops between two steps, with a checkpoint; evaluations stop between batches.

Lightning saves and stops at any point, also in the middle of a step or of a validation, and its handler of
SIGTERM communicates with other processes at any moment.
"""

import logging
import signal
from typing import Any, NoReturn

from lightning.pytorch import Callback, Trainer
from typing_extensions import override

from callbacks.checkpoints import CustomModelCheckpoint
from callbacks.every_run.divergence import DivergenceWatch, loss_diverged
from callbacks.every_run.resume_position import ResumePosition
from experiment.ranks import stops_with_the_first
from stop_signals import Stopped, requested, set_training, stop_if_requested

log = logging.getLogger(__name__)


def keep_signals_from(trainer: Trainer) -> None:
    """Keep Lightning from replacing the handlers of signals by its own, which raise at any moment."""
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]


class StopBetweenSteps(Callback):
    """Stops training where a checkpoint can be exact.

    Several processes agree at each step. A run with one process stops at once during validation, and
    repeats the validation after resuming. A run with several processes first finishes the validation,
    because their numbers of batches differ.
    """

    def __init__(self, position: ResumePosition, divergence: DivergenceWatch) -> None:
        self._position = position
        self._divergence = divergence

    @override
    def on_train_start(self, *_: object) -> None:
        stop_if_requested()
        set_training(True)

    @override
    def on_train_batch_start(self, trainer: Trainer, module: object, batch: object, batch_idx: int) -> None:
        if batch_idx % trainer.accumulate_grad_batches == 0:
            self._stop_if_requested(trainer)

    def on_validation_batch_start(self, trainer: Trainer, *_: object) -> None:
        """Save what was trained; the resumed run repeats the whole validation."""
        if trainer.state.fn != "fit" or trainer.sanity_checking:
            stop_if_requested()
        if requested() is None or trainer.world_size > 1:
            return
        if not trainer.fit_loop.epoch_loop._should_accumulate():  # accumulated gradients would be lost
            self._position.validation_is_cut = True
            self._stop(trainer)

    def on_test_batch_start(self, *_: object) -> None:
        """Stop an evaluation; it has nothing to save."""
        stop_if_requested()

    def on_predict_batch_start(self, *_: object) -> None:
        """Stop a prediction; it has nothing to save."""
        stop_if_requested()

    @override
    def on_train_end(self, trainer: Trainer, *_: object) -> None:
        self._stop_if_requested(trainer)
        set_training(False)  # only evaluations follow

    @override
    def teardown(self, *_: object, **__: object) -> None:
        set_training(False)

    @override
    def on_exception(self, trainer: Trainer, module: object, exception: BaseException) -> None:
        if isinstance(exception, Stopped) and _waits_for_data(trainer):
            self._position.validation_is_cut |= trainer.validating
            exception.add(_save(trainer))
        set_training(False)

    def _stop_if_requested(self, trainer: Trainer) -> None:
        has_diverged = self._divergence.has_diverged
        if not _any_process(trainer, has_diverged or requested() is not None):
            return
        if _any_process(trainer, has_diverged):
            raise loss_diverged(trainer)
        self._stop(trainer)

    def _stop(self, trainer: Trainer) -> NoReturn:
        # The first process waits for those that it started, and needs status 0 of them after an agreed stop.
        status = 0 if stops_with_the_first() else None
        raise Stopped(requested() or signal.SIGTERM, _save(trainer), status=status)


def _waits_for_data(trainer: Trainer) -> bool:
    """Return whether training was stopped between two steps, while it waited for a loader's workers."""
    if trainer.state.fn != "fit" or trainer.world_size > 1 or trainer.sanity_checking:
        return False
    if all(one.has_saved(trainer) for one in _savers(trainer)):
        return True  # as at the beginning of an epoch
    steps = trainer.fit_loop.epoch_loop
    batches: Any = steps.batch_progress.current
    return 0 < batches.ready == batches.started == batches.completed and not steps._should_accumulate()


def _any_process(trainer: Trainer, decision: bool) -> bool:
    """Return whether any process of the run decides so; all of them ask at the same point."""
    return (
        decision if trainer.world_size == 1 else trainer.strategy.reduce_boolean_decision(decision, all=False)
    )


def _savers(trainer: Trainer) -> list[CustomModelCheckpoint]:
    return [one for one in trainer.checkpoint_callbacks if isinstance(one, CustomModelCheckpoint)]


def _save(trainer: Trainer) -> str:
    """Write a checkpoint, and describe how to resume from it."""
    step = trainer.global_step
    savers = _savers(trainer)
    if not step:
        return "nothing was trained yet"
    if not savers or trainer.fast_dev_run:  # type: ignore[attr-defined]
        return f"step {step} is not saved: the configuration has no callbacks.CustomModelCheckpoint"
    paths = [saver.save_now(trainer) for saver in savers]
    return f"step {step} is in {paths[0]}; resume by the same command with --ckpt_path last"
