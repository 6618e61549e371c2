"""Decides which checkpoints are kept, and where."""

import json
import logging
import math
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor
from typing_extensions import override

from callbacks.checkpoint_io import DurableCheckpointIO, remove_unfinished
from callbacks.kept_checkpoints import relocated
from callbacks.tied_checkpoints import TIE_BREAKER, best_and_worst
from durable_files import write_durably
from experiment.layout import BEST_CHECKPOINT_FILE, CHECKPOINTS, LAST_CHECKPOINT_FILE

log = logging.getLogger(__name__)

_LOSSES_KEY = "validation_losses"


class CustomModelCheckpoint(ModelCheckpoint):
    """Lightning's ``ModelCheckpoint`` with this application's folder, defaults and durable writing.

    ``best.json`` beside the checkpoints names the best one. Arguments are those of ``ModelCheckpoint``, with
    these differences: ``dirpath`` defaults to ``checkpoints`` in the experiment's folder;
    ``every_n_train_steps`` and ``train_time_interval`` keep ``last.ckpt`` current between validations, for
    runs that are cut off, and combine with ``every_n_epochs``: a metric of validation is still compared
    after each validation; with several processes ``save_on_exception`` has no effect, because one of them
    cannot save alone. Of checkpoints whose monitored metric is the same, the one with the lower ``val_loss``
    is better.
    """

    def __init__(
        self,
        dirpath: str | Path | None = None,
        filename: str | None = "{epoch}-{val_per:.4f}",
        monitor: str | None = "val_per",
        save_last: bool | Literal["link"] | None = True,
        mode: Literal["min", "max"] = "min",
        every_n_train_steps: int | None = None,
        train_time_interval: timedelta | None = None,
        every_n_epochs: int | None = None,
        **options: Any,  # noqa: ANN401 - jsonargparse reads these from ModelCheckpoint and checks their types
    ) -> None:
        _check_intervals(every_n_train_steps or 0, train_time_interval)
        self._steps_between = every_n_train_steps or 0
        self._time_between = train_time_interval
        self._losses: dict[str, float] = {}  # of validation, by the file name of kept checkpoints
        self._monitors_training = monitor is None or not monitor.startswith("val_")
        self._has_warned = False  # that there is nothing to choose a best checkpoint by
        between = bool(self._steps_between or train_time_interval)
        if between and not self._monitors_training and save_last is not True:
            raise ValueError(
                f"CustomModelCheckpoint: every_n_train_steps and train_time_interval write last.ckpt while "
                f"validation computes {monitor}; save_last must be true, got {save_last!r}"
            )
        if between and self._monitors_training and every_n_epochs is None:
            every_n_epochs = 0
        super().__init__(
            dirpath,
            filename,
            monitor,
            save_last=save_last,
            mode=mode,
            every_n_epochs=every_n_epochs,
            **options,
        )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Choose the folder, and raise an error before training where it cannot be written to."""
        if getattr(trainer, "fast_dev_run", False):
            return  # nothing is written
        if self.dirpath is None:
            self.dirpath = str(Path(trainer.default_root_dir).absolute() / CHECKPOINTS)
        super().setup(trainer, pl_module, stage)
        if stage == "fit":
            trainer.strategy.checkpoint_io = DurableCheckpointIO()
            if trainer.is_global_zero:
                _prepare(Path(self.dirpath))

    def state_dict(self) -> dict[str, Any]:
        """Return Lightning's state, and the losses that ties are settled by."""
        return {**super().state_dict(), _LOSSES_KEY: dict(self._losses)}

    @override
    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        if super().check_monitor_top_k(trainer, current):
            return True
        worst = self.kth_best_model_path
        if current is None or worst not in self.best_k_models or self.save_top_k < 1:
            return False
        tied = float(current) == float(self.best_k_models[worst])
        return tied and _loss(trainer) < self._losses.get(Path(worst).name, -math.inf)

    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        """Save after ties are settled, so that the state in the file names the best one."""
        if filepath in self.best_k_models:
            kept = {Path(path).name for path in self.best_k_models}
            losses = {**self._losses, Path(filepath).name: _loss(trainer)}
            self._losses = {name: loss for name, loss in losses.items() if name in kept}
            self._settle_ties()
        super()._save_checkpoint(trainer, filepath)

    def _settle_ties(self) -> None:
        if not self.best_k_models or self.monitor is None:
            return
        self.best_model_path, worst = best_and_worst(self.best_k_models, self._losses, self.mode)
        if len(self.best_k_models) == self.save_top_k:
            self.kth_best_model_path = worst

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state, also where the folder has moved since (another mount, another machine)."""
        state = relocated(state_dict, self.dirpath, self.mode)
        super().load_state_dict(state)
        self._losses = dict(state.get(_LOSSES_KEY, {}))
        self._settle_ties()
        last = Path(str(self.dirpath)) / LAST_CHECKPOINT_FILE
        if state["dirpath"] == self.dirpath and last.is_file():
            self.last_model_path = str(last)  # it may be newer than this state, or broken: it is replaced

    def on_train_batch_start(self, trainer: Trainer, module: object, batch: object, batch_idx: int) -> None:
        """Save where a save is due; validation and all else of the step before is done by now."""
        if batch_idx % trainer.accumulate_grad_batches == 0 and self._is_due(trainer):
            self._save_between(trainer)

    def on_train_batch_end(self, *_: object) -> None:
        """Save nothing, unlike Lightning: a resumed run would leave out the validation that follows."""

    def save_now(self, trainer: Trainer) -> str:
        """Save ``last.ckpt`` unless this step is saved already; return the checkpoint's path."""
        if not self.has_saved(trainer):
            wanted, self.save_last = self.save_last, True  # also where the configuration keeps no last one
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))
            self.save_last = wanted
        return str(self._last_checkpoint_saved)

    def rivals(self, path: str, score: float, loss: float) -> bool:
        """Return whether a file with these results is better than the best checkpoint; equal ones are not."""
        best = self.best_model_path
        scores = {best: self.best_k_models[best], path: score}
        return best_and_worst(scores, {**self._losses, Path(path).name: loss}, self.mode).best == path

    def has_saved(self, trainer: Trainer) -> bool:
        """Return whether a checkpoint of this step exists."""
        return self._last_global_step_saved == trainer.global_step and bool(self._last_checkpoint_saved)

    def _is_due(self, trainer: Trainer) -> bool:
        if self._should_skip_saving_checkpoint(trainer):
            return False
        if self._time_between is None:
            return self._steps_between > 0 and trainer.global_step % self._steps_between == 0
        now = time.monotonic()
        waited = now - (self._last_time_checked or now)
        # The first process decides, or others would wait for it.
        due = bool(trainer.strategy.broadcast(waited >= self._time_between.total_seconds()))
        if due:
            self._last_time_checked = now
        return due

    def _save_between(self, trainer: Trainer) -> None:
        if self._monitors_training:
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))
        if self.save_last:
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))
        self._record_best(trainer)

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_end(trainer, pl_module)
        if not self._should_save_on_train_epoch_end(trainer):
            self._save_last(trainer)
        self._record_best(trainer)

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        if self._should_save_on_train_epoch_end(trainer):
            self._save_last(trainer)
        self._record_best(trainer)

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not getattr(trainer, "fast_dev_run", False):
            super().on_train_end(trainer, pl_module)

    def _save_topk_checkpoint(self, trainer: Trainer, monitor_candidates: dict[str, Tensor]) -> None:
        """Save what the monitored metric ranks; without validation there is none, which is said once."""
        if self.monitor is None or self.monitor in monitor_candidates or not self._lacks_validation(trainer):
            super()._save_topk_checkpoint(trainer, monitor_candidates)
        elif not self._has_warned:
            self._has_warned = True
            log.warning(
                "checkpoints: without validation recordings there is no %s to choose the best checkpoint by; "
                "set validation_split of the data set, or state splits in its table",
                self.monitor,
            )

    def _lacks_validation(self, trainer: Trainer) -> bool:
        return not self._monitors_training and not sum(trainer.num_val_batches)

    def _should_save_on_exception(self, trainer: Trainer) -> bool:
        """Allow it to a single process: one of several would wait for the others forever."""
        return trainer.world_size == 1 and bool(super()._should_save_on_exception(trainer))

    def _save_last(self, trainer: Trainer) -> None:
        """Write ``last.ckpt`` where it is due; Lightning writes it only when the best checkpoints change."""
        if self._steps_between and self._monitors_training and self._is_due(trainer):
            self._save_between(trainer)
        every = self._every_n_epochs or int(bool(self._steps_between or self._time_between))
        due = every >= 1 and (trainer.current_epoch + 1) % every == 0
        stale = self._last_global_step_saved != trainer.global_step
        if self.save_last and due and stale and not self._should_skip_saving_checkpoint(trainer):
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))

    def _record_best(self, trainer: Trainer) -> None:
        if trainer.state.fn != "fit" or trainer.sanity_checking or not trainer.is_global_zero:
            return
        if self.best_model_path:
            score = None if self.best_model_score is None else float(self.best_model_score)
            self.record(self.best_model_path, score)

    def record(self, best: str, score: float | None) -> None:
        """Name a file as the best checkpoint."""
        record = {"path": Path(best).name, "monitor": self.monitor, "score": score}
        write_durably(Path(str(self.dirpath)) / BEST_CHECKPOINT_FILE, json.dumps(record))


def _loss(trainer: Trainer) -> float:
    return float(trainer.callback_metrics.get(TIE_BREAKER, math.inf))


def _prepare(folder: Path) -> None:
    """Create the folder, prove that it can be written to, and remove what killed saves have left."""
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / ".writable", "")
    (folder / ".writable").unlink()
    for path in remove_unfinished(folder):
        log.info("checkpoints: removed %s, which a killed save had left", path.name)


def _check_intervals(steps: int, interval: timedelta | None) -> None:
    if steps < 0:
        raise ValueError(
            f"CustomModelCheckpoint: every_n_train_steps must be positive, 0 or null, got {steps}"
        )
    if steps and interval is not None:
        raise ValueError(
            "CustomModelCheckpoint: give every_n_train_steps or train_time_interval, they exclude each other"
        )
