"""Progress as lines of a log, for runs whose output is a file."""

import logging
import sys
import time
from collections.abc import Sequence
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar, RichProgressBar, TQDMProgressBar
from typing_extensions import override

from dataset_modules.cache.progress_bars import LOG_SECONDS, is_terminal

log = logging.getLogger(__name__)


class LogLines(ProgressBar):
    """Logs every few seconds how many batches of an epoch are done; other callbacks log its metrics."""

    def __init__(self, seconds: float = LOG_SECONDS) -> None:
        super().__init__()
        self.seconds = seconds
        self._enabled = True
        self._logged_at = time.monotonic()

    @override
    def enable(self) -> None:
        self._enabled = True

    @override
    def disable(self) -> None:  # in all processes but the first
        self._enabled = False

    @override
    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *step: Any) -> None:
        if self._is_due():
            shown = self.get_metrics(trainer, pl_module)
            metrics = "".join(f", {name} {_short(value)}" for name, value in shown.items() if name != "v_num")
            _log(f"epoch {trainer.current_epoch}", step, trainer.num_training_batches, metrics)

    @override
    def on_validation_batch_end(self, trainer: Trainer, pl_module: LightningModule, *step: Any) -> None:
        if not trainer.sanity_checking and self._is_due():
            _log("validation", step, trainer.num_val_batches)

    @override
    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *step: Any) -> None:
        if self._is_due():
            _log("test", step, trainer.num_test_batches)

    @override
    def on_predict_batch_end(self, trainer: Trainer, pl_module: LightningModule, *step: Any) -> None:
        if self._is_due():
            _log("predict", step, trainer.num_predict_batches)

    def _is_due(self) -> bool:
        now = time.monotonic()
        if not self._enabled or now - self._logged_at < self.seconds:
            return False
        self._logged_at = now
        return True


def _log(stage: str, step: Sequence[Any], batches: float | Sequence[float], metrics: str = "") -> None:
    """Log a line; ``step`` is what the hook gets: outputs, batch, its index and so on."""
    total = sum(batches) if isinstance(batches, Sequence) else batches
    log.info("%s: %d of %s batches%s", stage, step[2] + 1, f"{total:.0f}", metrics)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def without_progress_bars(callbacks: Sequence[object] | object | None) -> list[object]:
    """Return a configuration's callbacks except progress bars, for runs that show none."""
    given = callbacks if isinstance(callbacks, Sequence) else [callbacks]
    return [one for one in given if one is not None and not isinstance(one, ProgressBar)]


def has_progress_bar(callbacks: Sequence[object] | object | None) -> bool:
    """Return whether a configuration names a progress bar that needs no terminal, unlike Lightning's."""
    given = callbacks if isinstance(callbacks, Sequence) else [callbacks]
    lightnings = (TQDMProgressBar, RichProgressBar)
    return any(isinstance(one, ProgressBar) and type(one) not in lightnings for one in given)


def log_progress_in_lines(trainer: Trainer) -> None:
    """Replace the Trainer's progress bar by lines where the output is no terminal."""
    if is_terminal(sys.stdout):
        return
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    callbacks[:] = [LogLines() if isinstance(one, ProgressBar) else one for one in callbacks]
