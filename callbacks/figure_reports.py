"""Writes the metrics of every validation as JSON lines, for a process that follows the run."""

import json
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer


class FigureReports(Callback):
    """Appends one line per validation to a file while training; the file's folder must exist."""

    metrics_only = True  # a process that follows the metrics needs no utterance records

    def __init__(self, path: str) -> None:
        self.path = path
        self._validations = 0

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Append the metrics in a single write, so that no reader finds half a line."""
        if trainer.sanity_checking or not trainer.is_global_zero or trainer.state.fn != "fit":
            return
        metrics = {
            name: float(value)
            for name, value in sorted(trainer.callback_metrics.items())
            if name == "train_loss" or name.startswith("val_")
        }
        line = {"validation": self._validations, "step": trainer.global_step, "figures": metrics}
        self._validations += 1
        with Path(self.path).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
