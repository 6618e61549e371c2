"""What follows training or an evaluation: the best checkpoint's metrics, their intervals, and the report."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lightning.pytorch import Trainer

from callbacks.checkpoint_mean import better_mean
from cli.console import wants_tracebacks
from dataset_modules.base_dataset import Split
from dataset_modules.datamodule import PhonemeDataModule
from durable_files import write_durably
from evaluation.metrics import gather_from_processes
from experiment.contents import analyse_records, read_experiment, read_metrics, write_metrics
from experiment.errors import IncompleteError, in_one_line
from experiment.layout import PREDICTIONS_FILE, REPORT_FILE
from installation import PROGRAM
from models import PhonemeRecognizer
from models.evaluated_model import Prediction
from stop_signals import stop_if_requested
from wording import number_of

if TYPE_CHECKING:
    from evaluation.error_analysis import SplitAnalysis

    Analyses = dict[str, SplitAnalysis]

log = logging.getLogger(__name__)


def evaluate_best(trainer: Trainer, model: PhonemeRecognizer, data: PhonemeDataModule) -> None:
    """Evaluate the best checkpoint of a training, else its last one, on validation and test data.

    The mean of the best ones counts where it is better.
    """
    keeper = trainer.checkpoint_callback
    checkpoint = getattr(keeper, "best_model_path", "") or getattr(keeper, "last_model_path", "")
    if not checkpoint:
        return
    evaluations: dict[Split, tuple[Callable[..., object], float]] = {
        "val": (trainer.validate, trainer.limit_val_batches),
        "test": (trainer.test, trainer.limit_test_batches),
    }

    def evaluate(split: Split, path: str) -> None:
        function, batches = evaluations[split]
        stop_if_requested()
        if batches and data.sources.is_empty(split):
            log.info("%s: no metrics, the split has no recordings", split)
        elif batches:
            with _without_curves(trainer, split):
                function(model, datamodule=data, ckpt_path=path, verbose=False, weights_only=True)

    mean = better_mean(trainer, partial(evaluate, "val"))
    if mean is None:
        evaluate("val", checkpoint)
    evaluate("test", mean or checkpoint)


@contextmanager
def _without_curves(trainer: Trainer, split: Split) -> Iterator[None]:
    """Keep the best checkpoint's validation metrics out of the logs, whose curves are of training steps."""
    loggers = trainer.loggers
    if split == "val":
        trainer.loggers = []
    try:
        yield
    finally:
        trainer.loggers = loggers


def write_predictions(
    trainer: Trainer, folder: Path | None, predicted: Sequence[Sequence[Prediction]]
) -> None:
    """Write one JSON line per utterance of all processes, sorted by id; without a folder, write nothing."""
    shares = gather_from_processes(predicted)
    if folder is None or not trainer.is_global_zero:
        return
    predictions = [prediction for share in shares for batch in share for prediction in batch]
    predictions.sort(key=lambda prediction: str(prediction.id))
    lines = [json.dumps(prediction._asdict(), ensure_ascii=False) for prediction in predictions]
    write_durably(folder / PREDICTIONS_FILE, "\n".join(lines) + "\n")
    log.info("%s: %s", number_of(len(lines), "prediction"), folder / PREDICTIONS_FILE)


def conclude(trainer: Trainer, folder: Path, *, analyse: bool, report: bool) -> IncompleteError | None:
    """Analyse the errors and write the report; return the error if a part of the results is not written.

    The metrics of the run stay as they are in any case, and what one part lacks does not hold up the others.
    """
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    failures = [failure for one in callbacks for failure in getattr(one, "failures", ())]
    analyses = None
    if analyse:
        with _noted(failures, "the errors could not be analysed"):
            analyses = summarise(folder)
    if report:
        with _noted(failures, f"{REPORT_FILE} could not be written (try {PROGRAM} report {folder})"):
            write_report(folder, analyses)
    if not failures:
        return None
    return IncompleteError(f"the results in {folder} are incomplete: {'; '.join(failures)}")


@contextmanager
def _noted(failures: list[str], what: str) -> Iterator[None]:
    """Note a failure instead of raising it: the metrics of the run are already written."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the run comes first
        failures.append(f"{what}: {in_one_line(error)}")
        if wants_tracebacks():
            log.warning("%s", what, exc_info=True)


def summarise(folder: Path) -> "Analyses":
    """Add error counts and intervals of every recorded split to ``metrics.json``, and log them."""
    stop_if_requested()
    # Brings scipy, which starts need not load.
    from evaluation.error_analysis import FEATURE_DEFINITION, PFER_DEFINITION, RAW_DEFINITION
    from evaluation.intervals import INTERVAL_DEFINITION

    metrics = read_metrics(folder)
    analyses = analyse_records(folder)
    for split, analysis in analyses.items():
        metrics[f"{split}_feature_error_rate"] = analysis.feature_error_rate
        metrics[f"{split}_pfer"] = analysis.pfer
        if analysis.raw_per is not None:
            metrics[f"{split}_raw_per"] = analysis.raw_per
            metrics["definitions"] = metrics.get("definitions", {}) | {"raw_per": RAW_DEFINITION}
        metrics.setdefault("edits", {})[split] = {**analysis.edits, "phonemes": analysis.phonemes}
        metrics.setdefault("intervals", {}).update(
            {f"{split}_{name}": interval._asdict() for name, interval in analysis.intervals.items()}
        )
        log.info("%s", in_words(split, analysis))
        if analysis.recognises_nothing:
            log.warning("%s: the model recognises no phoneme, every frame is a blank: train longer", split)
    metrics["definitions"] = metrics.get("definitions", {}) | {
        "feature_error_rate": FEATURE_DEFINITION,
        "pfer": PFER_DEFINITION,
        "intervals": INTERVAL_DEFINITION,
    }
    write_metrics(folder, metrics)
    return analyses


def in_words(split: str, analysis: "SplitAnalysis") -> str:
    """Describe the errors of a split for the terminal."""
    lines = []
    for name, interval in analysis.intervals.items():
        if name == "pfer" and analysis.raw_errors is None:
            continue  # it matters beside published results of other models
        units = "speakers" if name.endswith("by_speaker") else "utterances"
        lines.append(
            f"{split}_{name}: {100 * interval.rate:.2f} %, 95 % interval {100 * interval.low:.2f} to "
            f"{100 * interval.high:.2f} over {interval.units} {units}"
        )
    if not lines:
        lines.append(f"{split}: too few utterances for an interval: {len(analysis.records)}")
    counts = ", ".join(f"{count} {name}" for name, count in analysis.edits.items())
    return "\n".join([*lines, f"{split}: {counts} in {number_of(analysis.phonemes, 'phoneme')}"])


def write_report(folder: Path, analyses: "Analyses | None" = None) -> None:
    """Write the report of an experiment."""
    stop_if_requested()
    started = time.monotonic()
    from reports.experiment_page import experiment_page

    write_durably(folder / REPORT_FILE, experiment_page(read_experiment(folder, analyses)))
    log.info("report: %s (%.0f s)", folder / REPORT_FILE, time.monotonic() - started)
