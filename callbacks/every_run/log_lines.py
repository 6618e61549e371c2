"""Progress as lines of a log, for runs whose output is a file."""

import logging
import sys
import time
from collections.abc import Sequence
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar, RichProgressBar, TQDMProgressBar

from dataset_modules.cache.progress_bars import LOG_SECONDS, is_terminal

log = logging.getLogger(__name__)


class LogLines(ProgressBar):
    """Says now and then how far an epoch is; what it came to is said by others.

    Args:
        seconds: between two lines.
    """

    def __init__(self, seconds: float = LOG_SECONDS) -> None:
        super().__init__()
        self.seconds = seconds
        self._enabled = True
        self._spoke_at = time.monotonic()

    def enable(self) -> None:
        """Speak."""
        self._enabled = True

    def disable(self) -> None:
        """Be silent, as all processes but the first are."""
        self._enabled = False

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """A line of the epoch and its figures."""
        what = f"epoch {trainer.current_epoch}"
        self._tell(what, batch_idx, self.total_train_batches, trainer, pl_module)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """A line of the validation."""
        if not trainer.sanity_checking:
            self._tell("validation", batch_idx, _in_all(trainer.num_val_batches))

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """A line of the test."""
        self._tell("test", batch_idx, _in_all(trainer.num_test_batches))

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """A line of the prediction."""
        self._tell("predict", batch_idx, _in_all(trainer.num_predict_batches))

    def _tell(
        self,
        what: str,
        batch_idx: int,
        total: float,
        trainer: Trainer | None = None,
        pl_module: LightningModule | None = None,
    ) -> None:
        now = time.monotonic()
        if not self._enabled or now - self._spoke_at < self.seconds:
            return
        self._spoke_at = now
        shown = self.get_metrics(trainer, pl_module) if trainer and pl_module else {}
        figures = "".join(f", {name} {_figure(value)}" for name, value in shown.items() if name != "v_num")
        log.info("%s: %d of %s batches%s", what, batch_idx + 1, f"{total:.0f}", figures)


def _in_all(batches: float | Sequence[float]) -> float:
    """Of all loaders, where Lightning counts one by one."""
    return sum(batches) if isinstance(batches, Sequence) else batches


def _figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def names_a_bar(callbacks: Sequence[object] | object | None) -> bool:
    """Whether a configuration has a progress bar of its own; asked before a Trainer adds to its list.

    Lightning's are drawn for terminals, and naming one says how it is to be drawn there.
    """
    given = callbacks if isinstance(callbacks, Sequence) else [callbacks]
    bars = [type(callback) for callback in given if isinstance(callback, ProgressBar)]
    return any(bar not in (TQDMProgressBar, RichProgressBar) for bar in bars)


def speak_in_lines(trainer: Trainer) -> None:
    """Where output is no terminal, put lines in the place of the Trainer's own bar."""
    if is_terminal(sys.stdout):
        return
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    callbacks[:] = [LogLines() if isinstance(one, ProgressBar) else one for one in callbacks]
