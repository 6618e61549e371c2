"""Which checkpoints are kept, and where."""

import json
import logging
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from callbacks.checkpoint_io import DurableCheckpointIO, remove_unfinished
from callbacks.kept_checkpoints import relocated
from durable_files import write_durably
from experiment.layout import BEST_CHECKPOINT_FILE, CHECKPOINTS

log = logging.getLogger(__name__)


class CustomModelCheckpoint(ModelCheckpoint):
    """Lightning's ``ModelCheckpoint`` with this application's folder, defaults and durable writing.

    ``best.json`` beside the checkpoints names the best one. Arguments are those of
    ``ModelCheckpoint``, with these differences: ``dirpath`` defaults to ``checkpoints`` in the
    experiment's folder; ``every_n_train_steps`` and ``train_time_interval`` keep ``last.ckpt``
    current between validations, for runs that are cut off, and go together with
    ``every_n_epochs``: a metric of validation is still compared after each; with several
    processes ``save_on_exception`` does nothing, because one of them cannot save alone.
    """

    def __init__(
        self,
        dirpath: str | Path | None = None,
        filename: str | None = "{epoch}-{val_per:.4f}",
        monitor: str | None = "val_per",
        save_last: bool | Literal["link"] | None = True,
        every_n_train_steps: int | None = None,
        train_time_interval: timedelta | None = None,
        every_n_epochs: int | None = None,
        **options: Any,  # noqa: ANN401 - those of ModelCheckpoint
    ) -> None:
        self._steps_between = every_n_train_steps or 0
        self._time_between = train_time_interval
        self._monitors_steps = monitor is None or not monitor.startswith("val_")
        _check_intervals(self._steps_between, train_time_interval)
        between = bool(self._steps_between or train_time_interval)
        if between and not self._monitors_steps and save_last is not True:
            raise ValueError(
                f"CustomModelCheckpoint: every_n_train_steps and train_time_interval write last.ckpt while "
                f"{monitor} is computed in validation; save_last must be true, got {save_last!r}"
            )
        if between and self._monitors_steps and every_n_epochs is None:
            every_n_epochs = 0
        super().__init__(
            dirpath=dirpath,
            filename=filename,
            monitor=monitor,
            save_last=save_last,
            every_n_epochs=every_n_epochs,
            **options,
        )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Set the folder; refuse one that cannot be written to before training."""
        if getattr(trainer, "fast_dev_run", False):
            return  # nothing is written
        if self.dirpath is None:
            self.dirpath = str(Path(trainer.default_root_dir).absolute() / CHECKPOINTS)
        super().setup(trainer, pl_module, stage)
        if stage == "fit":
            trainer.strategy.checkpoint_io = DurableCheckpointIO()
            if trainer.is_global_zero:
                self._check_writable(Path(self.dirpath))
                for path in remove_unfinished(Path(self.dirpath)):
                    log.info("checkpoints: removed %s, which a killed save had left", path.name)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state, also where the folder has moved since (another mount, another machine)."""
        state = relocated(state_dict, self.dirpath, self.mode)
        super().load_state_dict(state)
        last = Path(str(self.dirpath)) / f"{self.CHECKPOINT_NAME_LAST}{self.FILE_EXTENSION}"
        if state["dirpath"] == self.dirpath and last.is_file():
            self.last_model_path = str(last)  # it may be newer than this state, or broken: it is replaced

    @staticmethod
    def _check_writable(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(folder / ".writable", "")
        (folder / ".writable").unlink()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Save at the interval; validation and all else that belongs to the step before is done here."""
        if batch_idx % trainer.accumulate_grad_batches == 0 and self._is_due(trainer):
            self._save_position(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Do not save here as Lightning does: a validation that follows would be left out on resume."""

    def save_now(self, trainer: Trainer) -> str:
        """Save ``last.ckpt`` unless this step is saved already; return the file's path."""
        saved = Path(self._last_checkpoint_saved)
        if self._last_global_step_saved != trainer.global_step or not saved.name:
            self._save_last(trainer)
        return str(self._last_checkpoint_saved)

    def _is_due(self, trainer: Trainer) -> bool:
        if self._should_skip_saving_checkpoint(trainer):
            return False
        if self._steps_between:
            return trainer.global_step % self._steps_between == 0
        if self._time_between is None:
            return False
        now = time.monotonic()
        waited = now - (self._last_time_checked or now)
        # The first process decides, or others would wait for it.
        due = trainer.strategy.broadcast(waited >= self._time_between.total_seconds())
        if due:
            self._last_time_checked = now
        return bool(due)

    def _save_position(self, trainer: Trainer) -> None:
        if self._monitors_steps:
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))
        if self.save_last:
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))
        self._write_best(trainer)

    def _save_last(self, trainer: Trainer) -> None:
        """Also where the configuration keeps no last one."""
        wanted, self.save_last = self.save_last, True
        self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))
        self.save_last = wanted

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save as Lightning does, then write the last checkpoint and ``best.json``."""
        super().on_validation_end(trainer, pl_module)
        if not self._should_save_on_train_epoch_end(trainer):
            self._keep_last(trainer)
        self._write_best(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save as Lightning does, then write the last checkpoint and ``best.json``."""
        super().on_train_epoch_end(trainer, pl_module)
        if self._should_save_on_train_epoch_end(trainer):
            self._keep_last(trainer)
        self._write_best(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the last checkpoint; a fast development run has no folder and keeps nothing."""
        if not getattr(trainer, "fast_dev_run", False):
            super().on_train_end(trainer, pl_module)

    def _should_save_on_exception(self, trainer: Trainer) -> bool:
        """One of several processes cannot save alone: the others would wait for it forever."""
        return trainer.world_size == 1 and bool(super()._should_save_on_exception(trainer))

    def _keep_last(self, trainer: Trainer) -> None:
        """Write ``last.ckpt`` where it is due; Lightning does so only when the best ones change."""
        if self._steps_between and self._monitors_steps and self._is_due(trainer):
            self._save_position(trainer)
        every = self._every_n_epochs or int(bool(self._steps_between or self._time_between))
        due = every >= 1 and (trainer.current_epoch + 1) % every == 0
        stale = self._last_global_step_saved != trainer.global_step
        if self.save_last and due and stale and not self._should_skip_saving_checkpoint(trainer):
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))

    def _write_best(self, trainer: Trainer) -> None:
        if self._should_skip_best(trainer):
            return
        score = None if self.best_model_score is None else float(self.best_model_score)
        note = {"path": Path(self.best_model_path).name, "monitor": self.monitor, "score": score}
        write_durably(Path(str(self.dirpath)) / BEST_CHECKPOINT_FILE, json.dumps(note))

    def _should_skip_best(self, trainer: Trainer) -> bool:
        training = trainer.state.fn == "fit" and not trainer.sanity_checking and trainer.is_global_zero
        return not (training and self.best_model_path)


def _check_intervals(steps: int, interval: timedelta | None) -> None:
    if steps < 0:
        raise ValueError(
            f"CustomModelCheckpoint: every_n_train_steps must be positive, 0 or null, got {steps}"
        )
    if steps and interval is not None:
        raise ValueError(
            "CustomModelCheckpoint: give every_n_train_steps or train_time_interval, they exclude each other"
        )
