"""What follows an evaluation: how sure its figures are, and the experiment's page."""

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from experiment.contents import analyse_records, read_experiment, read_metrics, write_metrics
from experiment.layout import REPORT_FILE

if TYPE_CHECKING:
    from evaluation.error_analysis import SplitAnalysis

    Analyses = dict[str, SplitAnalysis]

log = logging.getLogger(__name__)


def summarise(folder: Path) -> "Analyses | None":
    """Add error counts and intervals of every recorded split to ``metrics.json``, and say them.

    A run's figures stand by themselves: what goes wrong here is said, and ends nothing. Returns the analyses.
    """
    try:
        return _summarise(folder)
    except Exception as error:  # noqa: BLE001 - the run comes first
        log.warning(
            "the errors could not be analysed: %s: %s", type(error).__name__, error, exc_info=_debug()
        )
        return None


def _summarise(folder: Path) -> "Analyses":
    # Imported here: panphon takes seconds to load.
    from evaluation.error_analysis import FEATURE_DEFINITION
    from evaluation.intervals import INTERVAL_DEFINITION

    known = read_metrics(folder)
    analyses = analyse_records(folder)
    for split, analysis in analyses.items():
        intervals = analysis.intervals
        known[f"{split}_feature_error_rate"] = analysis.feature_error_rate
        known.setdefault("edits", {})[split] = {**analysis.edits, "phonemes": analysis.phonemes}
        known.setdefault("intervals", {}).update(
            {f"{split}_{name}": interval._asdict() for name, interval in intervals.items()}
        )
        log.info("%s", in_words(split, analysis))
    known["definitions"] = known.get("definitions", {}) | {
        "feature_error_rate": FEATURE_DEFINITION,
        "intervals": INTERVAL_DEFINITION,
    }
    write_metrics(folder, known)
    return analyses


def in_words(split: str, analysis: "SplitAnalysis") -> str:
    """The figures of a split for the terminal."""
    lines = []
    for name, interval in analysis.intervals.items():
        units = "speakers" if name.endswith("by_speaker") else "utterances"
        lines.append(
            f"{split}_{name}: {100 * interval.rate:.2f} %, 95 % interval {100 * interval.low:.2f} to "
            f"{100 * interval.high:.2f} over {interval.units} {units}"
        )
    if not lines:
        lines.append(f"{split}: {len(analysis.records)} utterances are too few for an interval")
    counts = ", ".join(f"{count} {name}" for name, count in analysis.edits.items())
    return "\n".join([*lines, f"{split}: {counts} in {analysis.phonemes} phonemes"])


def write_report(folder: Path, analyses: "Analyses | None" = None) -> None:
    """Write the experiment's page; what goes wrong is said, and ends nothing."""
    started = time.monotonic()
    try:
        from reports.experiment_page import experiment_page
        from reports.html.page import write_page

        write_page(folder / REPORT_FILE, experiment_page(read_experiment(folder, analyses)))
    except Exception as error:  # noqa: BLE001 - the run comes first
        log.warning(
            "%s could not be written: %s: %s; try ./run.sh report %s",
            *(REPORT_FILE, type(error).__name__, error, folder),
            exc_info=_debug(),
        )
        return
    log.info("report: %s (%.0f s)", folder / REPORT_FILE, time.monotonic() - started)


def _debug() -> bool:
    """Whether tracebacks were asked for."""
    from cli.run import DEBUG_VARIABLE  # which imports this module, by and by

    return bool(os.environ.get(DEBUG_VARIABLE))
