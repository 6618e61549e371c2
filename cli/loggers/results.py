"""What logging services receive beside the curves: the configuration, the final metrics, the report."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, MLFlowLogger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from cli.loggers.choice import services
from experiment.contents import read_metrics
from experiment.layout import REPORT_FILE

log = logging.getLogger(__name__)
_INTERVAL_ENDS = ("low", "high")


@rank_zero_only
def publish_results(loggers: Iterable[Logger], folder: Path) -> None:
    """Send the final metrics and the report of a finished run; a failure is logged and ends nothing."""
    summary = final_metrics(read_metrics(folder))
    for logger in services(loggers):
        try:
            _send(logger, summary, folder / REPORT_FILE)
        except Exception as error:  # noqa: BLE001 - the run is complete without it
            log.warning("%s did not take the results: %s", type(logger).__name__, error)


def final_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of ``metrics.json`` under the names that services show.

    The best checkpoint's validation metrics have other names: ``val_per`` is the curve.

    >>> interval = {"low": 0.08, "high": 0.12}
    >>> final_metrics({"test_per": 0.1, "val_per": 0.2, "intervals": {"test_per": interval}})
    {'test_per': 0.1, 'best_val_per': 0.2, 'test_per_low': 0.08, 'test_per_high': 0.12}
    """
    return {_shown(name): value for name, value in _numbers(metrics)}


def _numbers(metrics: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in metrics.items():
        if isinstance(value, int | float):
            yield name, float(value)
    for name, interval in metrics.get("intervals", {}).items():
        for end in _INTERVAL_ENDS:
            yield f"{name}_{end}", float(interval[end])


def _shown(name: str) -> str:
    return f"best_{name}" if name.startswith("val_") else name


def _send(logger: Logger, summary: dict[str, float], report: Path) -> None:
    if isinstance(logger, WandbLogger):
        logger.experiment.summary.update(summary)
        if report.is_file():
            _send_to_wandb(logger, report)
        return
    logger.log_metrics(summary)
    if isinstance(logger, MLFlowLogger) and report.is_file():
        logger.experiment.log_artifact(logger.run_id, str(report))


def _send_to_wandb(logger: WandbLogger, report: Path) -> None:
    import wandb

    artifact = wandb.Artifact(f"report-{logger.experiment.id}", type="report")
    artifact.add_file(str(report))
    logger.experiment.log_artifact(artifact)
