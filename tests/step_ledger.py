"""A callback that writes down what each step was given, and sends its process a signal where told to."""

import json
import os
import signal
import zlib
from pathlib import Path

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
        path: the ledger.
        signal_name: what to send.
        step: when as many optimizer steps are done.
        moment: at the first of these hooks then.
        rank: which process does so.
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


def ledger(path: Path, rank: int = 0) -> list[dict]:
    """The lines of a ledger."""
    return [json.loads(line) for line in path.with_name(f"{path.name}.{rank}").read_text().splitlines()]
