"""The contents of an experiment's folder, read back."""

import csv
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from durable_files import write_durably
from evaluation.utterance_record import read_records
from experiment import layout
from untrusted.files import FileError, read_lines, read_text, within
from untrusted.json_text import read_json
from untrusted.printing import printable
from untrusted.shapes import ShapeError, conform_fields
from untrusted.yaml_text import MOST_YAML_BYTES, parse_yaml

if TYPE_CHECKING:
    from evaluation.error_analysis import SplitAnalysis

Curve = dict[int, float]  # step → value
_MOST_SMALL_BYTES = 16 * 2**20
_MOST_ROW_BYTES = 2**20
_LARGEST_STEP, _LARGEST_VALUE = 10**12, 1e30  # of a curve that can be drawn
_INTERVAL = dict[str, float] | None
# Of the keys that are read here; values are of any kind in the others.
_METRICS = {
    "utterances": dict[str, int],
    "definitions": dict[str, str],
    "checkpoint": str | None,
    "checkpoint_digest": str | None,
    "edits": dict[str, dict[str, int]],
    "intervals": dict[str, Any],
    "pronunciation": dict[str, dict[str, int | dict[str, float | None | _INTERVAL]]],
}
_VERSIONS = {
    "python": str,
    "revision": str | None,
    "packages": dict[str, str | None],
    "data": dict[str, list[str]],
}
_COMPONENT = dict[str, Any]
_MODEL = {"network_name": str | None, "pretrained_name": str | None}
_DATA = {"dataset_classes": list[_COMPONENT] | None, "language": str | None}


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
    symbols: str = ""  # the table of another model's symbols
    pronunciation: dict[str, dict[str, Any]] = {}  # by split: how well annotated errors are found


def read_experiment(folder: Path, analyses: "dict[str, SplitAnalysis] | None" = None) -> Experiment:
    """Read a folder as its last start left it; analyses of the records may be known already.

    Whatever the folder holds is data: a damaged file raises ``FileError``, which names it.
    """
    metrics = read_metrics(folder)
    resolved = folder.resolve()
    trained = layout.trained_folder(resolved)
    return Experiment(
        # Evaluations have the same names in every experiment.
        name=resolved.name if trained == resolved else f"{trained.name}/{resolved.name}",
        folder=folder,
        metrics={name: float(value) for name, value in metrics.items() if type(value) in (int, float)},
        utterances=metrics.get("utterances", {}),
        definitions=metrics.get("definitions", {}),
        checkpoint=metrics.get("checkpoint"),
        curves=read_curves(sorted(folder.glob(f"{layout.CSV_LOGS}/*/metrics.csv"), key=_version)),
        # An evaluation has none.
        configuration=_configuration_text(folder) or _configuration_text(trained),
        versions=read_versions(folder) or read_versions(trained),
        fam_record=_fam_record(folder),
        data=_read_data(folder),
        skipped=read_skipped(layout.SKIPPED_FILE.newest_in(folder)),
        analyses=analyse_records(folder) if analyses is None else analyses,
        symbols=_symbols(folder),
        pronunciation=metrics.get("pronunciation", {}),
    )


def read_metrics(folder: Path) -> dict[str, Any]:
    """Read the metrics of an experiment or of an evaluation; empty where there are none."""
    return _read_known(folder, folder / layout.METRICS_FILE, _METRICS)


def write_metrics(folder: Path, metrics: dict[str, Any]) -> None:
    """Replace the metrics of an experiment or of an evaluation."""
    write_durably(folder / layout.METRICS_FILE, json.dumps(metrics, indent=1, ensure_ascii=False))


def read_configuration(folder: Path) -> dict[str, Any]:
    """Read the configuration of the last start as data; empty where there is none."""
    path = layout.CONFIGURATION_FILE.newest_in(folder)
    content = parse_yaml(_configuration_text(folder), path)
    sections: dict[str, dict[str, Any]] = {"model": _MODEL, "data": _DATA}
    try:
        known = conform_fields({} if content is None else content, dict.fromkeys(sections, _COMPONENT | None))
        for name, shapes in sections.items():
            conform_fields(known.get(name) or {}, shapes, name)
        for number, dataset in enumerate((known.get("data") or {}).get("dataset_classes") or []):
            place = f"data.dataset_classes[{number}]"
            conform_fields(dataset, {"class_path": str, "init_args": _COMPONENT | None}, place)
    except ShapeError as error:
        raise FileError(f"{printable(path)}: {printable(error)}") from error
    return content or {}


def read_versions(folder: Path) -> dict[str, Any]:
    """Read which code, packages and data the last start used; empty where nothing is recorded."""
    return _read_known(folder, layout.VERSIONS_FILE.newest_in(folder), _VERSIONS)


def read_skipped(path: Path) -> list[SkippedRow]:
    """Read the rows of a table of skipped recordings; none where there is no such file."""
    if not path.exists():
        return []
    cells = (line.rstrip("\r\n").split("\t") for line in read_lines(path, most_bytes=_MOST_ROW_BYTES))
    next(cells, None)
    return [SkippedRow(*row) for row in cells if len(row) == len(SkippedRow._fields)]


def analyse_records(folder: Path) -> "dict[str, SplitAnalysis]":
    """Analyse the errors of every split that has utterance records, the test split first."""
    from evaluation.error_analysis import analyse  # brings scipy, which a start of training need not load

    records = layout.recorded_splits(folder)
    return {split: analyse(split, read_records(path)) for split, path in records.items()}


def _symbols(folder: Path) -> str:
    if not (folder / layout.SYMBOLS_FILE).exists():
        return ""
    return read_text(within(folder, layout.SYMBOLS_FILE), most_bytes=_MOST_SMALL_BYTES)


def _configuration_text(folder: Path) -> str:
    path = layout.CONFIGURATION_FILE.newest_in(folder)
    if not path.exists():
        return ""
    return read_text(within(folder, path.name), most_bytes=MOST_YAML_BYTES)


def _read_known(folder: Path, path: Path, shapes: dict[str, Any]) -> dict[str, Any]:
    """Read a file of JSON whose known keys are of known types; empty where there is none."""
    if not path.exists():
        return {}
    content = read_json(within(folder, path.name), dict[str, Any], most_bytes=_MOST_SMALL_BYTES)
    try:
        return {**content, **conform_fields(content, shapes)}
    except ShapeError as error:
        raise FileError(f"{printable(path)}: {printable(error)}") from error


def read_seed(folder: Path) -> int | None:
    """Read the seed of a run, or of the run that an evaluation belongs to; None where there is none."""
    seed = read_configuration(layout.trained_folder(folder.resolve())).get("seed_everything")
    return seed if type(seed) is int else None


def _read_data(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the numbers of the splits."""
    path = layout.DATA_FILE.newest_in(folder)
    if not path.exists():
        return {}
    shape = dict[str, dict[str, float | str | None]]
    return dict(read_json(within(folder, path.name), shape, most_bytes=_MOST_SMALL_BYTES))


def _fam_record(folder: Path) -> Path | None:
    found = next(iter(sorted(folder.rglob(layout.FAM_RECORD_FILE))), None)
    return None if found is None else within(folder, str(found.relative_to(folder)))


def _version(path: Path) -> int:
    """Return the number of ``version_12``: every start of a resumed run writes a new one."""
    number = path.parent.name.rpartition("_")[2]
    return int(number) if number.isdecimal() and len(number) < 10 else -1


def read_curves(tables: list[Path]) -> dict[str, Curve]:
    """Read the columns of Lightning's CSV logs, later tables over earlier ones, without test metrics."""
    curves: dict[str, Curve] = defaultdict(dict)
    for path in tables:
        try:
            for row in csv.DictReader(read_lines(path, most_bytes=_MOST_ROW_BYTES)):
                for name, value in _points(row):
                    curves[name][int(row["step"])] = value
        except csv.Error as error:
            raise FileError(f"{printable(path)} must be CSV: {error}") from error
    return {name: dict(sorted(curve.items())) for name, curve in curves.items()}


def _points(row: dict[str, str]) -> Iterator[tuple[str, float]]:
    """Yield the metrics of a row; none of an incomplete one, which a killed run leaves."""
    step = row.get("step") or ""
    if None in row or None in row.values() or not step.isdecimal() or len(step) > len(str(_LARGEST_STEP)):
        return
    for name, value in row.items():
        if name in ("epoch", "step") or name.startswith("test_"):
            continue
        with suppress(ValueError):  # an empty cell, or half of a number
            number = float(value)
            if math.isnan(number) or abs(number) <= _LARGEST_VALUE:
                yield name, number
