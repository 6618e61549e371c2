"""Completes checkpoints, so that a run resumes exactly where Lightning alone would not.

Lightning (2.6) has five faults on resume: a learning rate that follows a metric is not stepped at the end of
the epoch that is resumed, nor where the checkpoint was written at that end; the step of the logs is counted
once too often; a validation that was cut off is left out; a finished epoch continues where epochs have more
batches now; and an epoch that ``max_steps`` has cut counts as finished, so that its position is applied to
the next one.
"""

import logging
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loops.loop import _Loop

from dataset_modules.batches.position import epoch_to_come, trained_batches

log = logging.getLogger(__name__)

_METRICS = "figures_to_follow"  # at an epoch's end, for schedulers that have not seen them yet
_NOT_RUN = {"ready": 1, "started": 1, "processed": 0, "completed": 0}


class FitPlace(Callback):
    """Adds what is missing to checkpoints, and restores it."""

    def __init__(self) -> None:
        self.validation_is_cut = False  # whether a checkpoint is written before the end of its validation
        self._metrics: dict[str, float] = {}
        self._has_begun = False

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Correct the loops' counters."""
        if trainer.state.fn != "fit":
            return
        loops, steps = checkpoint["loops"]["fit_loop"], trainer.fit_loop.epoch_loop
        if _is_cut(trainer):
            for counts in loops["epoch_progress"].values():
                counts["processed"] = counts["completed"] = counts["started"] - 1
        if self.validation_is_cut:
            loops["epoch_loop.val_loop.batch_progress"] = {
                "total": dict(_NOT_RUN),
                "current": dict(_NOT_RUN),
                "is_last_batch": False,
            }
        elif _is_before_batch(trainer) and not steps._should_accumulate():
            loops["epoch_loop.state_dict"]["_batches_that_stepped"] -= 1  # it is added again on resume
        if not self.validation_is_cut and _is_at_epoch_end(trainer):
            checkpoint[_METRICS] = _followed_metrics(trainer)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the metrics until training starts: schedulers restore their states in between."""
        self._metrics = checkpoint.get(_METRICS, {})

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the resume position; leave a finished epoch finished; step the waiting schedulers."""
        self._has_begun = True
        if trainer.global_step:
            epoch = epoch_to_come(trainer) + _is_before_epoch_end(trainer)
            place = (trainer.global_step, epoch, trained_batches(trainer))
            log.info("resuming after step %d: epoch %d, %d of its batches are done", *place)
        _close_finished_epoch(trainer)
        for config in trainer.lr_scheduler_configs:
            if config.reduce_on_plateau and config.monitor in self._metrics:
                config.scheduler.step(self._metrics[config.monitor])  # type: ignore[arg-type]
        self._metrics = {}

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log that a finished run is only evaluated again."""
        if not self._has_begun and trainer.global_step:
            log.info("nothing is left to train after step %d", trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """End the resume after the first batch."""
        _end_resume(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the resume after a validation that was resumed."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            _end_resume(trainer)


def _end_resume(trainer: Trainer) -> None:
    """Mark all loops as not resumed.

    The fit loop's own setter makes True of False where training counts steps alone, and every validation
    would then begin where the last one ended.
    """
    _Loop.restarting.fset(trainer.fit_loop, False)  # type: ignore[attr-defined]


def _close_finished_epoch(trainer: Trainer) -> None:
    """Count additional batches of an epoch that a checkpoint ended as done."""
    current: Any = trainer.fit_loop.epoch_loop.batch_progress.current
    missing = trainer.num_training_batches - current.ready
    if trainer.fit_loop.restarting and _all_batches_are_done(trainer) and missing > 0:
        for name in ("ready", "started", "processed", "completed"):
            setattr(current, name, getattr(current, name) + missing)


def _all_batches_are_done(trainer: Trainer) -> bool:
    """Return whether the epoch of the checkpoint has no batch left."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    current: Any = progress.current
    return bool(progress.is_last_batch and current.processed == current.ready)


def _is_before_epoch_end(trainer: Trainer) -> bool:
    """Return whether all batches of an epoch are done, and the epoch does not count yet."""
    epochs: Any = trainer.fit_loop.epoch_progress.current
    return _all_batches_are_done(trainer) and epochs.processed < epochs.ready


def _is_cut(trainer: Trainer) -> bool:
    """Return whether Lightning left an epoch in its middle (``max_steps``) and counts it as done."""
    epochs: Any = trainer.fit_loop.epoch_progress.current
    return trained_batches(trainer) > 0 and epochs.processed == epochs.ready


def _is_before_batch(trainer: Trainer) -> bool:
    """Return whether the next batch is there, and nothing was done with it yet."""
    batches = trainer.fit_loop.epoch_loop.batch_progress.current
    return bool(batches.started < batches.ready)  # type: ignore[attr-defined]


def _is_at_epoch_end(trainer: Trainer) -> bool:
    """Return whether all batches of an epoch are done, but not all that follows them."""
    batches, epochs = (
        trainer.fit_loop.epoch_loop.batch_progress.current,
        trainer.fit_loop.epoch_progress.current,
    )
    return batches.completed == trainer.num_training_batches and epochs.completed < epochs.ready


def _followed_metrics(trainer: Trainer) -> dict[str, float]:
    """Return the metrics that schedulers follow at the end of this epoch."""
    monitors = [
        config.monitor
        for config in trainer.lr_scheduler_configs
        if config.reduce_on_plateau
        and config.interval == "epoch"
        and (trainer.current_epoch + 1) % config.frequency == 0
    ]
    return {
        name: float(trainer.callback_metrics[name])
        for name in monitors
        if name is not None and name in trainer.callback_metrics
    }
