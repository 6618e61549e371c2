"""The metrics of one checkpoint, from its experiment's folder or from an evaluation of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.intervals import rate_interval
from evaluation.utterance_record import read_records
from experiment.contents import read_metrics
from experiment.layout import EVALUATIONS, METRICS_FILE, recorded_splits
from models.weights import checkpoint_digest


def metrics_of(checkpoint: Path, experiment: Path) -> dict[str, Any] | None:
    """Return the newest metrics of this checkpoint and of no other; None where it was not evaluated.

    Metrics of the test split come first: a model card is read for them.
    """
    evaluations = [path.parent for path in (experiment / EVALUATIONS).glob(f"*/{METRICS_FILE}")]
    folders = [experiment, *sorted(evaluations, key=_evaluated_at, reverse=True)]
    known = ((folder, read_metrics(folder)) for folder in folders)
    found = {folder: metrics for folder, metrics in known if _are_of(metrics, folder, checkpoint)}
    if not found:
        return None
    folder = next((folder for folder in found if "test_per" in found[folder]), next(iter(found)))
    return {**found[folder], "intervals": _intervals(folder)}


def _evaluated_at(folder: Path) -> int:
    return (folder / METRICS_FILE).stat().st_mtime_ns


def _are_of(metrics: Mapping[str, Any], folder: Path, checkpoint: Path) -> bool:
    """Compare contents; older metrics name only the file, which must not have changed since."""
    if not metrics.get("checkpoint"):
        return False
    if "checkpoint_digest" in metrics:
        return bool(metrics["checkpoint_digest"] == checkpoint_digest(checkpoint))
    # Folders move, names of files do not.
    same_name = Path(metrics["checkpoint"]).name == checkpoint.name
    return same_name and checkpoint.stat().st_mtime_ns <= _evaluated_at(folder)


def _intervals(folder: Path) -> dict[str, tuple[float, float]]:
    """Compute the intervals of the error rates, for the splits that have utterance records."""
    intervals: dict[str, tuple[float, float]] = {}
    for split, path in recorded_splits(folder).items():
        counts = [record.edits for record in read_records(path)]
        found = rate_interval([one.errors for one in counts], [one.reference_length for one in counts])
        if found is not None:
            intervals[f"{split}_per"] = (found.low, found.high)
    return intervals
