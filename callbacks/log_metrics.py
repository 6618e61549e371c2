"""A table of metrics while training, and ``metrics.json`` at the end."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from evaluation.metrics import DEFINITIONS, LANGUAGE_DEFINITION
from experiment.contents import read_metrics, write_metrics
from models.weights import checkpoint_digest

log = logging.getLogger(__name__)

_WIDTH = 11


class LogMetricsCallback(Callback):
    """Logs one line per validation, and writes the final metrics with their definitions.

    Args:
        metric_names: metrics of the table, without prefix: per, cer, wer, blank_share, and, with several
            languages, per_de and so on.
    """

    def __init__(self, metric_names: Sequence[str] = ("per",)) -> None:
        unknown = sorted(name for name in metric_names if not _is_metric(name))
        if unknown:
            raise ValueError(
                f"LogMetricsCallback: metric_names must be among {sorted(DEFINITIONS)}, "
                f"got {', '.join(unknown)}"
            )
        self.columns = list(dict.fromkeys(("loss", *metric_names)))
        self._header_shown = False

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Log the learning rate where a step is written; in every step it would cost a little."""
        if trainer._logger_connector.should_update_logs:
            for rate in _rates(trainer):
                pl_module.log("lr", float(rate))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log a line of the table while training; write the metrics of a validation alone."""
        if trainer.sanity_checking or not trainer.is_global_zero or _is_dry_run(trainer):
            return
        if trainer.state.fn == "fit":
            self._show_line(trainer)
        else:
            self._write_metrics(trainer, "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the metrics of the test split."""
        if trainer.is_global_zero and not _is_dry_run(trainer):
            self._write_metrics(trainer, "test")

    def _show_line(self, trainer: Trainer) -> None:
        names = ["train_loss", *(f"val_{column}" for column in self.columns)]
        if not self._header_shown:
            log.info("%s", table_line(["epoch", "step", *names, "lr"]))
            self._header_shown = True
        metrics = [float(trainer.callback_metrics.get(name, float("nan"))) for name in names]
        log.info("%s", table_line([trainer.current_epoch, trainer.global_step, *metrics, *_rates(trainer)]))

    def _write_metrics(self, trainer: Trainer, stage: str) -> None:
        metrics = {
            name: float(value)
            for name, value in sorted(trainer.callback_metrics.items())
            if name.startswith(f"{stage}_") and not name.endswith("_utterances")
        }
        folder = Path(trainer.default_root_dir)
        known = _known_of(folder, checkpoint := _checkpoint(trainer)) | metrics
        if (utterances := trainer.callback_metrics.get(f"{stage}_utterances")) is not None:
            known.setdefault("utterances", {})[stage] = int(utterances)
        known |= checkpoint
        known["definitions"] = known.get("definitions", {}) | DEFINITIONS
        if any(name.startswith(f"{stage}_per_") for name in metrics):
            known["definitions"]["per_<language>"] = LANGUAGE_DEFINITION
        write_metrics(folder, known)
        # One message: a progress bar is drawn anew after each.
        log.info("%s", "\n".join(f"{name:16} {value!r}" for name, value in metrics.items()))


def _checkpoint(trainer: Trainer) -> dict[str, str | None]:
    """Name the evaluated weights by file and by content, since files such as last.ckpt are replaced.

    Null where the weights did not come from a checkpoint.
    """
    if trainer.ckpt_path is None:
        return {"checkpoint": None, "checkpoint_digest": None}
    path = Path(trainer.ckpt_path)
    return {"checkpoint": str(path), "checkpoint_digest": checkpoint_digest(path) if path.is_file() else None}


def _known_of(folder: Path, checkpoint: dict[str, str | None]) -> dict[str, Any]:
    """Return the metrics that a folder holds, if they are of these weights."""
    known = read_metrics(folder)
    return known if known.get("checkpoint_digest") == checkpoint["checkpoint_digest"] else {}


def _is_metric(name: str) -> bool:
    return name in DEFINITIONS or name.startswith("per_")


def _rates(trainer: Trainer) -> list[Any]:
    """The largest rate of any parameter group; none where there is no optimizer."""
    rates = [group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups]
    return [max(rates)] if rates else []


def _is_dry_run(trainer: Trainer) -> bool:
    """A fast development run leaves nothing behind."""
    return bool(getattr(trainer, "fast_dev_run", False))


def table_line(cells: Sequence[Any]) -> str:
    """Format cells of one width, with short numbers.

    >>> table_line(["epoch", "val_per"]), table_line([3, 0.123456])
    ('      epoch    val_per', '          3     0.1235')
    """
    return "".join(f"{_cell(cell):>{_WIDTH}}" for cell in cells)


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever a cell holds
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1e}" if 0 < abs(value) < 1e-3 else f"{value:.4f}"  # noqa: PLR2004
