"""What a run of a study has left: its curve, its costs, its test result."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from optuna.trial import FrozenTrial, TrialState

from evaluation.comparison import UtteranceKey, utterance_keys
from evaluation.utterance_record import read_records
from experiment.contents import read_metrics
from experiment.layout import records_file
from phonetics import EditCounts
from tuning.study.study import KIND, REASON
from tuning.trials.trial_run import REPORTS, RUN, trial_folder
from untrusted.json_text import read_json_lines

_COUNTED = "test_per"  # the metric that utterance records count


class CurvePoint(NamedTuple):
    """The metric of one validation."""

    step: int
    seconds: float  # of training, without validations
    value: float


class RunCosts(NamedTuple):
    """What a run has used until its last validation; zeros before the first."""

    step: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    memory_bytes: int = 0
    optimizer_bytes: int = 0


class RunRecord(NamedTuple):
    """A run, of the tuning or with one of the seeds."""

    trial: int
    state: str
    value: float | None  # of its best validation
    parameters: dict[str, Any]  # of a run after tuning: its variant and its seed
    failure: str | None
    costs: RunCosts
    curve: tuple[CurvePoint, ...] = ()
    tested: float | None = None  # the metric on test data
    units: Mapping[UtteranceKey, int] = {}  # noqa: RUF012 - the utterances of the test data and their phonemes
    errors: Mapping[UtteranceKey, int] = {}  # noqa: RUF012 - of these, where the metric counts them

    @classmethod
    def of(cls, trial: FrozenTrial, search: Path, metric: str, test_metric: str | None = None) -> "RunRecord":
        """Read a trial and its folder."""
        folder = trial_folder(search, trial.number)
        reports = _reports(folder / REPORTS)
        is_complete = trial.state == TrialState.COMPLETE
        is_tested = is_complete and test_metric is not None
        edits = _edits(records_file(folder / RUN, "test")) if is_tested else {}
        return cls(
            trial.number,
            trial.state.name.lower(),
            trial.value if is_complete else None,
            trial.params,
            f"{trial.user_attrs[KIND]}: {trial.user_attrs[REASON]}" if KIND in trial.user_attrs else None,
            RunCosts(*(reports[-1][key] for key in RunCosts._fields)) if reports else RunCosts(),
            tuple(_points(reports, metric)),
            read_metrics(folder / RUN).get(test_metric or "") if is_tested else None,
            {key: one.reference_length for key, one in edits.items()},
            {key: one.errors for key, one in edits.items()} if test_metric == _COUNTED else {},
        )

    def first_at(self, level: float) -> CurvePoint | None:
        """Return the first validation that reached a level; None where none did."""
        return next((point for point in self.curve if point.value <= level), None)


def _points(reports: Sequence[dict[str, Any]], metric: str) -> Iterator[CurvePoint]:
    for line in reports:
        value = line["figures"].get(metric)
        if value is not None and math.isfinite(value):
            yield CurvePoint(line["step"], line["seconds"], value)


def _edits(path: Path) -> dict[UtteranceKey, EditCounts]:
    records = read_records(path) if path.is_file() else ()
    return {key: record.edits for key, record in zip(utterance_keys(records), records, strict=True)}


def _reports(path: Path) -> Sequence[dict[str, Any]]:
    return list(read_json_lines(path, dict[str, Any])) if path.is_file() else []
