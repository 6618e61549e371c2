"""A callback that measures the processor time of each training step, for benchmarks."""

import json
import time
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from durable_files import write_durably


class StepClock(Callback):
    """Writes the processor seconds of all steps, reading of their batches included, validation excluded."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._seconds: list[float] = []
        self._since = 0.0

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._since = time.process_time()

    @override
    def on_train_batch_end(self, *_: object) -> None:
        now = time.process_time()
        self._seconds.append(now - self._since)
        self._since = now

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._since = time.process_time()

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        write_durably(Path(self.path), json.dumps(self._seconds))
