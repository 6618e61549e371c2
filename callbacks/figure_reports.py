"""Writes the metrics and costs of every validation as JSON lines, for a process that follows the run."""

import json
import os
import resource
import time
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

_KIBIBYTE = 1024


class FigureReports(Callback):
    """Appends one line per validation to a file while training; the file's folder must exist.

    Args:
        path: the file.
        metrics_only: whether the run leaves no utterance records, which a reader of metrics does not need.
    """

    def __init__(self, path: str, metrics_only: bool = True) -> None:
        self.path = path
        self.metrics_only = metrics_only
        self._validations = 0
        self._begun = 0.0  # of training; pauses move it on
        self._stopped: float | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Start the clock; the check of the validation before it is no training."""
        self._begun, self._stopped = time.monotonic(), None

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Stop the clock."""
        self._stopped = time.monotonic()

    def on_train_batch_start(self, *_: object) -> None:
        """Let the clock go on: neither the validation nor the checkpoint that it saved is training."""
        if self._stopped is not None:
            self._begun += time.monotonic() - self._stopped
            self._stopped = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Append the metrics in a single write, so that no reader finds half a line."""
        if trainer.sanity_checking or not trainer.is_global_zero or trainer.state.fn != "fit":
            return
        metrics = {
            name: float(value)
            for name, value in sorted(trainer.callback_metrics.items())
            if name == "train_loss" or name.startswith("val_")
        }
        costs = {"seconds": round((self._stopped or self._begun) - self._begun, 3), **_costs(trainer)}
        line = {"validation": self._validations, "step": trainer.global_step, **costs, "figures": metrics}
        self._validations += 1
        with Path(self.path).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


def _costs(trainer: Trainer) -> dict[str, float]:
    """Return the processor seconds of this process and its ended children, and the bytes that it uses."""
    used = os.times()
    on_device = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return {
        "processor_seconds": round(used.user + used.system + used.children_user + used.children_system, 2),
        "memory_bytes": on_device or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTE,
        "optimizer_bytes": sum(map(_state_bytes, trainer.optimizers)),
    }


def _state_bytes(optimizer: torch.optim.Optimizer) -> int:
    values = [value for state in optimizer.state.values() for value in state.values()]
    return sum(value.nbytes for value in values if isinstance(value, torch.Tensor))
