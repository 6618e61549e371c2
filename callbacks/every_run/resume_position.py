"""Completes checkpoints so that a run resumes exactly, where Lightning alone would not.

Lightning (2.6) makes five mistakes on resume: a learning rate that follows a metric is not stepped at the
end of the resumed epoch, nor where the checkpoint was written at that end; the logs' step is counted once
too often; a validation that was cut off is left out; an epoch that was at its end continues where epochs
have more batches now; and an epoch that ``max_steps`` has cut counts as done, so that its position is
applied to the next one.
"""

import logging
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loops.loop import _Loop
from typing_extensions import override

from dataset_modules.batches.position import epoch_to_come, trained_batches

log = logging.getLogger(__name__)

_METRICS = "figures_to_follow"  # of an epoch's end, for schedulers that have not received them yet
_NOT_RUN = {"ready": 1, "started": 1, "processed": 0, "completed": 0}


class ResumePosition(Callback):
    """Adds to checkpoints what Lightning leaves out, and restores it."""

    def __init__(self) -> None:
        self.validation_is_cut = False  # whether a checkpoint is saved before its validation
        self._metrics: dict[str, float] = {}
        self._has_begun = False

    @override
    def on_save_checkpoint(self, trainer: Trainer, module: object, checkpoint: dict[str, Any]) -> None:
        if trainer.state.fn != "fit":
            return
        loops, steps = checkpoint["loops"]["fit_loop"], trainer.fit_loop.epoch_loop
        batches: Any = steps.batch_progress.current
        if _is_cut(trainer):
            for counts in loops["epoch_progress"].values():
                counts["processed"] = counts["completed"] = counts["started"] - 1
        if self.validation_is_cut:
            loops["epoch_loop.val_loop.batch_progress"] = {
                "total": dict(_NOT_RUN),
                "current": dict(_NOT_RUN),
                "is_last_batch": False,
            }
        elif batches.started < batches.ready and not steps._should_accumulate():  # the next one is loaded
            loops["epoch_loop.state_dict"]["_batches_that_stepped"] -= 1  # it is added again on resume
        if not self.validation_is_cut and _is_at_epoch_end(trainer):
            checkpoint[_METRICS] = _monitored_metrics(trainer)

    def on_load_checkpoint(self, trainer: Trainer, module: object, checkpoint: dict[str, Any]) -> None:
        """Keep the metrics until training starts: the schedulers restore their states in between."""
        self._metrics = checkpoint.get(_METRICS, {})

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the position; close an epoch that was finished; step the schedulers that still must."""
        self._has_begun = True
        if trainer.global_step:
            epoch = epoch_to_come(trainer) + _is_before_epoch_end(trainer)
            position = (trainer.global_step, epoch, trained_batches(trainer))
            log.info("resuming after step %d: epoch %d, %d of its batches are done", *position)
        _close_finished_epoch(trainer)
        for config in trainer.lr_scheduler_configs:
            if config.reduce_on_plateau and config.monitor in self._metrics:
                config.scheduler.step(self._metrics[config.monitor])  # type: ignore[arg-type]
        self._metrics = {}

    @override
    def on_fit_end(self, trainer: Trainer, *_: object) -> None:
        if not self._has_begun and trainer.global_step:  # the run had ended before
            log.info("nothing is left to train after step %d", trainer.global_step)

    @override
    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        _end_resuming(trainer)

    @override
    def on_validation_end(self, trainer: Trainer, *_: object) -> None:
        if trainer.state.fn == "fit" and not trainer.sanity_checking:  # a run may resume with a validation
            _end_resuming(trainer)


def _end_resuming(trainer: Trainer) -> None:
    """Mark all loops as not resumed any more.

    The fit loop's own setter makes True of False where training counts steps alone, and every validation
    would then begin where the last one ended.
    """
    _Loop.restarting.fset(trainer.fit_loop, False)  # type: ignore[attr-defined]


def _close_finished_epoch(trainer: Trainer) -> None:
    """Count as done the batches that a finished epoch of the checkpoint lacks compared with epochs now."""
    current: Any = trainer.fit_loop.epoch_loop.batch_progress.current
    missing = trainer.num_training_batches - current.ready
    if trainer.fit_loop.restarting and _all_batches_are_done(trainer) and missing > 0:
        for name in _NOT_RUN:
            setattr(current, name, getattr(current, name) + missing)


def _all_batches_are_done(trainer: Trainer) -> bool:
    """Return whether the checkpoint was written after the last batch of an epoch."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    current: Any = progress.current
    return bool(progress.is_last_batch and current.processed == current.ready)


def _is_before_epoch_end(trainer: Trainer) -> bool:
    """Return whether all batches of an epoch are done, and the epoch does not count yet."""
    epochs: Any = trainer.fit_loop.epoch_progress.current
    return _all_batches_are_done(trainer) and epochs.processed < epochs.ready


def _is_cut(trainer: Trainer) -> bool:
    """Return whether Lightning has left an epoch in its middle (``max_steps``) and counts it as done."""
    epochs: Any = trainer.fit_loop.epoch_progress.current
    return trained_batches(trainer) > 0 and epochs.processed == epochs.ready


def _is_at_epoch_end(trainer: Trainer) -> bool:
    """Return whether all batches of an epoch are done, but not all that follows them."""
    batches = trainer.fit_loop.epoch_loop.batch_progress.current
    epochs = trainer.fit_loop.epoch_progress.current
    return batches.completed == trainer.num_training_batches and epochs.completed < epochs.ready


def _monitored_metrics(trainer: Trainer) -> dict[str, float]:
    """Return the metrics that schedulers will receive at the end of this epoch."""
    return {
        config.monitor: float(trainer.callback_metrics[config.monitor])
        for config in trainer.lr_scheduler_configs
        if config.reduce_on_plateau
        and config.interval == "epoch"
        and (trainer.current_epoch + 1) % config.frequency == 0
        and config.monitor in trainer.callback_metrics
    }
