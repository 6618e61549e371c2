"""Logs a table of metrics while training, and writes ``metrics.json`` at the end."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from evaluation.metrics import DEFINITIONS, GREEDY_DEFINITION, LANGUAGE_DEFINITION
from experiment.contents import read_metrics, write_metrics
from models.weights import checkpoint_digest

log = logging.getLogger(__name__)

_WIDTH = 11


class LogMetricsCallback(Callback):
    """Logs one line per validation, and writes the final metrics with their definitions.

    Args:
        metric_names: metrics for the table, without prefix: per, cer, wer, blank_share, and per_de, per_fr
            and so on in a run over several languages.
    """

    def __init__(self, metric_names: Sequence[str] = ("per",)) -> None:
        unknown = sorted({name for name in metric_names if not name.startswith("per_")} - DEFINITIONS.keys())
        if unknown:
            raise ValueError(
                f"LogMetricsCallback: metric_names must be among {sorted(DEFINITIONS)}, "
                f"got {', '.join(unknown)}"
            )
        self.columns = list(dict.fromkeys(("loss", *metric_names)))
        self._header_shown = False

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        """Log the learning rate where a step is written; in every step it would cost time."""
        if trainer._logger_connector.should_update_logs:
            for rate in _rates(trainer):
                pl_module.log("lr", float(rate))

    def on_validation_end(self, trainer: Trainer, *_: object) -> None:
        """Log a line of the table while training; write the split's metrics in an evaluation."""
        if trainer.sanity_checking or not _may_write(trainer):
            return
        if trainer.state.fn == "fit":
            self._log_line(trainer)
        else:
            _write_split(trainer, "val")

    @override
    def on_test_end(self, trainer: Trainer, *_: object) -> None:
        if _may_write(trainer):
            _write_split(trainer, "test")

    def _log_line(self, trainer: Trainer) -> None:
        names = ["train_loss", *(f"val_{column}" for column in self.columns)]
        if not self._header_shown:
            log.info("%s", table_line(["epoch", "step", *names, "lr"]))
            self._header_shown = True
        metrics = [float(trainer.callback_metrics.get(name, float("nan"))) for name in names]
        log.info("%s", table_line([trainer.current_epoch, trainer.global_step, *metrics, *_rates(trainer)]))


def _may_write(trainer: Trainer) -> bool:
    """Allow it to the first process, and to none in a ``fast_dev_run``, which leaves nothing behind."""
    return trainer.is_global_zero and not getattr(trainer, "fast_dev_run", False)


def _write_split(trainer: Trainer, split: str) -> None:
    """Add a split's metrics to ``metrics.json``; metrics of other weights in that file are dropped."""
    metrics = {
        name: float(value)
        for name, value in sorted(trainer.callback_metrics.items())
        if name.startswith(f"{split}_") and not name.endswith("_utterances")
    }
    folder, weights = Path(trainer.default_root_dir), _weights(trainer)
    known = read_metrics(folder)
    if known.get("checkpoint_digest") != weights["checkpoint_digest"]:
        known = {}
    known |= metrics
    if (utterances := trainer.callback_metrics.get(f"{split}_utterances")) is not None:
        known.setdefault("utterances", {})[split] = int(utterances)
    known |= weights
    known["definitions"] = known.get("definitions", {}) | DEFINITIONS
    if any(name.startswith(f"{split}_per_") for name in metrics):
        known["definitions"]["per_<language>"] = LANGUAGE_DEFINITION
    if f"{split}_greedy_per" in metrics:
        known["definitions"]["greedy_per"] = GREEDY_DEFINITION
    write_metrics(folder, known)
    # One message: a progress bar is drawn anew after each.
    log.info("%s", "\n".join(f"{name:16} {value!r}" for name, value in metrics.items()))


def _weights(trainer: Trainer) -> dict[str, str | None]:
    """Name the evaluated weights: the file, and its content, since files such as last.ckpt are replaced.

    The digest is null where they did not come from a checkpoint; then no other evaluation has the same.
    """
    if trainer.ckpt_path is None:
        output = getattr(trainer.lightning_module, "output", None)
        published = output is not None and output.is_mapped  # a Hugging Face model, evaluated as it is
        name = str(trainer.lightning_module.pretrained_name) if published else None
        return {"checkpoint": name, "checkpoint_digest": None}
    path = Path(trainer.ckpt_path)
    return {"checkpoint": str(path), "checkpoint_digest": checkpoint_digest(path) if path.is_file() else None}


def _rates(trainer: Trainer) -> list[Any]:
    """Return the largest learning rate of any parameter group; none where there is no optimizer."""
    rates = [group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups]
    return [max(rates)] if rates else []


def table_line(cells: Sequence[Any]) -> str:
    """Format cells to one width, and numbers to four decimals.

    >>> table_line(["epoch", "val_per"]), table_line([3, 0.123456])
    ('      epoch    val_per', '          3     0.1235')
    """
    return "".join(f"{_cell(cell):>{_WIDTH}}" for cell in cells)


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever a cell holds
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1e}" if 0 < abs(value) < 1e-3 else f"{value:.4f}"  # noqa: PLR2004
