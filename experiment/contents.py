"""The contents of an experiment's folder, read back."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from durable_files import write_durably
from evaluation.utterance_record import read_records
from experiment import layout

if TYPE_CHECKING:
    from evaluation.error_analysis import SplitAnalysis

Curve = dict[int, float]  # step → value


class SkippedRow(NamedTuple):
    """A recording that was left out."""

    split: str
    id: str
    path: str
    reason: str


class Experiment(NamedTuple):
    """A run as its folder describes it; metrics are missing until the run has reached its end."""

    name: str
    folder: Path
    metrics: dict[str, float]  # "test_per" → 0.044
    utterances: dict[str, int]  # by split
    definitions: dict[str, str]  # "per" → what it means
    checkpoint: str | None
    curves: dict[str, Curve]
    configuration: str  # YAML
    versions: dict[str, Any]
    fam_record: Path | None
    data: dict[str, dict[str, Any]] = {}  # by split
    skipped: list[SkippedRow] = []
    analyses: "dict[str, SplitAnalysis]" = {}  # by split, test first


def read_experiment(folder: Path, analyses: "dict[str, SplitAnalysis] | None" = None) -> Experiment:
    """Read a folder as its last start left it; analyses of the records may be known already."""
    metrics = read_metrics(folder)
    resolved = folder.resolve()
    trained = layout.trained_folder(resolved)
    return Experiment(
        # Evaluations have the same names in every experiment.
        name=resolved.name if trained == resolved else f"{trained.name}/{resolved.name}",
        folder=folder,
        metrics={name: float(value) for name, value in metrics.items() if isinstance(value, (int, float))},
        utterances=metrics.get("utterances", {}),
        definitions=metrics.get("definitions", {}),
        checkpoint=metrics.get("checkpoint"),
        curves=read_curves(sorted(folder.glob(f"{layout.CSV_LOGS}/*/metrics.csv"), key=_version)),
        configuration=_read_text(layout.CONFIGURATION_FILE.newest_in(folder)),
        versions=read_versions(folder),
        fam_record=next(iter(sorted(folder.rglob(layout.FAM_RECORD_FILE))), None),
        data=_read_json(layout.DATA_FILE.newest_in(folder)),
        skipped=read_skipped(layout.SKIPPED_FILE.newest_in(folder)),
        analyses=analyse_records(folder) if analyses is None else analyses,
    )


def read_metrics(folder: Path) -> dict[str, Any]:
    """Read the metrics of an experiment or of an evaluation; empty where there are none."""
    return _read_json(folder / layout.METRICS_FILE)


def write_metrics(folder: Path, metrics: dict[str, Any]) -> None:
    """Replace the metrics of an experiment or of an evaluation."""
    write_durably(folder / layout.METRICS_FILE, json.dumps(metrics, indent=1, ensure_ascii=False))


def read_configuration(folder: Path) -> dict[str, Any]:
    """Read the configuration of the last start; empty where there is none."""
    return dict(yaml.safe_load(_read_text(layout.CONFIGURATION_FILE.newest_in(folder))) or {})


def read_versions(folder: Path) -> dict[str, Any]:
    """Read which code, packages and data the last start used; empty where nothing is recorded."""
    return _read_json(layout.VERSIONS_FILE.newest_in(folder))


def read_skipped(path: Path) -> list[SkippedRow]:
    """Read the rows of a table of skipped recordings; none where there is no such file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="\n") as stream:
        rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows, None)
        return [SkippedRow(*row) for row in rows if len(row) == len(SkippedRow._fields)]


def analyse_records(folder: Path) -> "dict[str, SplitAnalysis]":
    """Analyse the errors of every split that has utterance records, the test split first."""
    from evaluation.error_analysis import analyse  # brings scipy, which a start of training need not load

    records = layout.recorded_splits(folder)
    return {split: analyse(split, read_records(path)) for split, path in records.items()}


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _version(path: Path) -> int:
    """Return the number of ``version_12``: every start of a resumed run writes a new one."""
    number = path.parent.name.rpartition("_")[2]
    return int(number) if number.isdigit() else -1


def read_curves(tables: list[Path]) -> dict[str, Curve]:
    """Read the columns of Lightning's CSV logs, later tables over earlier ones, without test metrics."""
    curves: dict[str, Curve] = defaultdict(dict)
    for path in tables:
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                for name, value in _points(row):
                    curves[name][int(row["step"])] = value
    return {name: dict(sorted(curve.items())) for name, curve in curves.items()}


def _points(row: dict[str, str]) -> Iterator[tuple[str, float]]:
    """Yield the metrics of a row; none of an incomplete one, which a killed run leaves."""
    if None in row or None in row.values() or not row.get("step", "").isdecimal():
        return
    for name, value in row.items():
        if name in ("epoch", "step") or name.startswith("test_"):
            continue
        with suppress(ValueError):  # an empty cell, or half of a number
            yield name, float(value)
