"""What an experiment's folder holds, read back."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from durable_files import newest_name
from evaluation.error_analysis import SplitAnalysis, analyse
from evaluation.utterance_record import read_records, recorded_splits

FAM_RECORD = "fam_debug.jsonl"
_EXPERIMENTS = Path("experiments")
Curve = dict[int, float]  # step → value


class SkippedRow(NamedTuple):
    """A recording that was left out."""

    split: str
    id: str
    path: str
    reason: str


def read_skipped(path: Path) -> list[SkippedRow]:
    """The rows of ``skipped_recordings.tsv``; none where there is no such file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="\n") as stream:
        rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows, None)
        return [SkippedRow(*row) for row in rows if len(row) == len(SkippedRow._fields)]


class Experiment(NamedTuple):
    """A run as it left itself: figures may be missing where it has not come to its end."""

    name: str
    folder: Path
    figures: dict[str, float]  # "test_per" → 0.044
    utterances: dict[str, int]  # by split
    definitions: dict[str, str]  # "per" → what it means
    checkpoint: str | None
    curves: dict[str, Curve]
    configuration: str  # YAML
    versions: dict[str, Any]
    fam_record: Path | None
    data: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - never written to; by split
    skipped: list[SkippedRow] = []  # noqa: RUF012 - never written to
    analyses: dict[str, SplitAnalysis] = {}  # noqa: RUF012 - never written to; by split, test first


def find_experiment(name: str) -> Path:
    """A run's folder, or an evaluation's, by its path, or by its name under ``experiments/``."""
    for folder in (Path(name), _EXPERIMENTS / name):
        if (folder / "config.yaml").is_file() or recorded_splits(folder):
            return folder
    present = sorted(path.parent.name for path in _EXPERIMENTS.glob("*/config.yaml"))
    raise ValueError(
        f"report: {name} must be an experiment's folder, or its name under {_EXPERIMENTS}/, with "
        f"a config.yaml; there are: {', '.join(present) or 'none'}"
    )


def read_experiment(folder: Path, analyses: dict[str, SplitAnalysis] | None = None) -> Experiment:
    """Read what is there, as its last start left it; analyses of the records may be known already."""
    metrics = _read_json(folder / "metrics.json")
    return Experiment(
        name=_name(folder.resolve()),
        folder=folder,
        figures={name: float(value) for name, value in metrics.items() if isinstance(value, (int, float))},
        utterances=metrics.get("utterances", {}),
        definitions=metrics.get("definitions", {}),
        checkpoint=metrics.get("checkpoint"),
        curves=read_curves(sorted(folder.glob("logs/csv/*/metrics.csv"), key=_version)),
        configuration=_read_text(newest_name(folder, "config", ".yaml")),
        versions=_read_json(newest_name(folder, "versions", ".json")),
        fam_record=next(iter(sorted(folder.rglob(FAM_RECORD))), None),
        data=_read_json(newest_name(folder, "data", ".json")),
        skipped=read_skipped(newest_name(folder, "skipped_recordings", ".tsv")),
        analyses=analyse_records(folder) if analyses is None else analyses,
    )


def analyse_records(folder: Path) -> dict[str, SplitAnalysis]:
    """The errors of every split that the experiment keeps records of, the test split first."""
    return {split: analyse(split, read_records(path)) for split, path in recorded_splits(folder).items()}


def _name(folder: Path) -> str:
    """Evaluations are called alike in every experiment."""
    return f"{folder.parents[1].name}/{folder.name}" if folder.parent.name == "evaluations" else folder.name


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _version(path: Path) -> int:
    """The number of ``version_12``: a resumed run writes a folder of its own."""
    number = path.parent.name.rpartition("_")[2]
    return int(number) if number.isdigit() else -1


def read_curves(tables: list[Path]) -> dict[str, Curve]:
    """The columns of Lightning's CSV logs, later tables over earlier ones; test figures are no curves."""
    curves: dict[str, Curve] = defaultdict(dict)
    for path in tables:
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                for name, value in _points(row):
                    curves[name][int(row["step"])] = value
    return {name: dict(sorted(curve.items())) for name, curve in curves.items()}


def _points(row: dict[str, str]) -> Iterator[tuple[str, float]]:
    """The figures of a row; none of one that is not whole, as a run that was killed leaves it."""
    if None in row or None in row.values() or not row.get("step", "").isdecimal():
        return
    for name, value in row.items():
        if name in ("epoch", "step") or name.startswith("test_"):
            continue
        with suppress(ValueError):  # an empty cell, or half of a number
            yield name, float(value)
