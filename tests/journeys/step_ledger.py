"""A callback that records the clips and loss of each step, and may send its process a signal."""

import json
import os
import signal
import zlib
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Callback

MOMENTS = (
    "on_train_batch_start",
    "on_before_optimizer_step",
    "on_train_batch_end",
    "on_validation_batch_end",
    "on_validation_end",
    "on_train_epoch_end",
)


class StepLedger(Callback):
    """One JSON line per step.

    Args:
        path: the file of the ledger.
        signal_name: the signal to send; None sends none.
        step: the number of optimizer steps after which it is sent.
        moment: the hook in which it is sent.
        rank: the process that sends it.
    """

    def __init__(
        self,
        path: str,
        signal_name: str | None = None,
        step: int = 0,
        moment: str = "on_train_batch_start",
        rank: int = 0,
    ) -> None:
        self.path = Path(path)
        self.signal = signal.Signals[signal_name] if signal_name else None
        self.step, self.moment, self.rank = step, moment, rank

    def _note(self, trainer, **line):
        path = self.path.with_name(f"{self.path.name}.{trainer.global_rank}")
        with path.open("a") as stream:
            stream.write(
                json.dumps({"step": trainer.global_step, "epoch": trainer.current_epoch, **line}) + "\n"
            )

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        audio = zlib.crc32(batch.waveforms.numpy().tobytes())
        self._note(trainer, batch=batch_idx, ids=list(batch.ids), audio=audio)
        self._watch(trainer, "on_train_batch_start")

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self._note(trainer, loss=float(outputs["loss"]), clips=len(batch.ids), seed=pl_module.seed)
        self._watch(trainer, "on_train_batch_end")

    def _watch(self, trainer, moment):
        if (
            self.signal
            and moment == self.moment
            and trainer.global_step >= self.step
            and trainer.global_rank == self.rank
            and not trainer.sanity_checking
        ):
            chosen, self.signal = self.signal, None
            os.kill(os.getpid(), chosen)


def _watcher(moment):
    def watch(self, trainer, *_):
        self._watch(trainer, moment)

    return watch


for _moment in MOMENTS:
    if _moment not in vars(StepLedger):
        setattr(StepLedger, _moment, _watcher(_moment))


def ledger_callback(path: Path, **arguments: object) -> dict[str, Any]:
    """A ledger as configurations name it."""
    return {
        "class_path": "tests.journeys.step_ledger.StepLedger",
        "init_args": {"path": str(path), **arguments},
    }


def ledger_option(path: Path, **arguments: object) -> tuple[str, str]:
    """The command line's option that adds a ledger to the callbacks."""
    return "--trainer.callbacks+", yaml.safe_dump(ledger_callback(path, **arguments))


def ledger(path: Path, rank: int = 0) -> list[dict]:
    """Return the lines of a ledger."""
    return [json.loads(line) for line in path.with_name(f"{path.name}.{rank}").read_text().splitlines()]
