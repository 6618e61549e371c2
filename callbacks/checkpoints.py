"""Which checkpoints are kept, and where."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from callbacks.checkpoint_io import DurableCheckpointIO
from durable_files import write_durably

FOLDER = "checkpoints"
BEST_FILE = "best.json"


class CustomModelCheckpoint(ModelCheckpoint):
    """Lightning's ``ModelCheckpoint`` with this application's place, defaults and durable writing.

    ``best.json`` beside the checkpoints names the best one. Arguments are those of
    ``ModelCheckpoint``; ``dirpath`` defaults to ``checkpoints`` in the experiment's folder.
    """

    def __init__(
        self,
        dirpath: str | Path | None = None,
        filename: str | None = "{epoch}-{val_per:.4f}",
        monitor: str | None = "val_per",
        verbose: bool = False,
        save_last: bool | Literal["link"] | None = True,
        save_top_k: int = 1,
        save_weights_only: bool = False,
        mode: Literal["min", "max"] = "min",
        auto_insert_metric_name: bool = True,
        every_n_train_steps: int | None = None,
        train_time_interval: timedelta | None = None,
        every_n_epochs: int | None = None,
        save_on_train_epoch_end: bool | None = None,
        enable_version_counter: bool = True,
        save_on_exception: bool = False,
    ) -> None:
        super().__init__(
            dirpath=dirpath,
            filename=filename,
            monitor=monitor,
            verbose=verbose,
            save_last=save_last,
            save_top_k=save_top_k,
            save_weights_only=save_weights_only,
            mode=mode,
            auto_insert_metric_name=auto_insert_metric_name,
            every_n_train_steps=every_n_train_steps,
            train_time_interval=train_time_interval,
            every_n_epochs=every_n_epochs,
            save_on_train_epoch_end=save_on_train_epoch_end,
            enable_version_counter=enable_version_counter,
            save_on_exception=save_on_exception,
        )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Settle the place; a folder that cannot be written to is told before training."""
        if getattr(trainer, "fast_dev_run", False):
            return  # nothing is written
        if self.dirpath is None:
            self.dirpath = str(Path(trainer.default_root_dir).absolute() / FOLDER)
        super().setup(trainer, pl_module, stage)
        if stage == "fit":
            trainer.strategy.checkpoint_io = DurableCheckpointIO()
            if trainer.is_global_zero:
                self._check_writable(Path(self.dirpath))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state, also where the folder has moved since (another mount, another machine)."""
        super().load_state_dict(relocated(state_dict, self.dirpath))

    @staticmethod
    def _check_writable(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(folder / ".writable", "")
        (folder / ".writable").unlink()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save as usual, then see to the last and the best."""
        super().on_validation_end(trainer, pl_module)
        if not self._should_save_on_train_epoch_end(trainer):
            self._keep_last(trainer)
        self._note_best(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save as usual, then see to the last and the best."""
        super().on_train_epoch_end(trainer, pl_module)
        if self._should_save_on_train_epoch_end(trainer):
            self._keep_last(trainer)
        self._note_best(trainer)

    def _keep_last(self, trainer: Trainer) -> None:
        """Lightning writes ``last.ckpt`` only when the top ones change; the last is the last here."""
        due = self._every_n_epochs >= 1 and (trainer.current_epoch + 1) % self._every_n_epochs == 0
        stale = self._last_global_step_saved != trainer.global_step
        if self.save_last and due and stale and not self._should_skip_saving_checkpoint(trainer):
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))

    def _note_best(self, trainer: Trainer) -> None:
        if self._should_skip_noting(trainer):
            return
        score = None if self.best_model_score is None else float(self.best_model_score)
        note = {"path": Path(self.best_model_path).name, "monitor": self.monitor, "score": score}
        write_durably(Path(str(self.dirpath)) / BEST_FILE, json.dumps(note))

    def _should_skip_noting(self, trainer: Trainer) -> bool:
        training = trainer.state.fn == "fit" and not trainer.sanity_checking and trainer.is_global_zero
        return not (training and self.best_model_path)


def relocated(state: dict[str, Any], folder: str | Path | None) -> dict[str, Any]:
    """The callback's state with its files looked for in a folder, where they all lie there.

    >>> relocated({"dirpath": "/a", "best_model_path": ""}, None)["dirpath"]
    '/a'
    """
    if folder is None:
        return state
    here = Path(folder)
    top = {str(here / Path(path).name): score for path, score in state["best_k_models"].items()}
    if not all(Path(path).is_file() for path in top):
        return state
    moved = {
        key: str(here / Path(state[key]).name) if state[key] else state[key]
        for key in ("best_model_path", "last_model_path", "kth_best_model_path")
    }
    return {**state, **moved, "best_k_models": top, "dirpath": str(folder)}
