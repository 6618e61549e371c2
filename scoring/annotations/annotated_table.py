"""A table of the user's annotated recordings: ``metadata.csv``, ``.tsv`` or ``.jsonl``.

Beside ``file_name`` and ``phonemes`` (expected, with ``|`` between words), a row has ``said_phonemes``, what
was said in truth, or ``errors``, a 1 for each wrong phoneme and a 0 for each right one; or both, where nobody
knows what some of the wrong ones were. ``grades`` has a number for each phoneme, ``grade`` one for the
utterance.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from dataset_modules.recording import SAID, AudioError
from dataset_modules.sources.folders.listed_rows import FolderBounds
from dataset_modules.sources.manifest import ManifestRow, find_manifest, read_manifest
from phonetics import WORD_DELIMITER, IpaNormaliser
from phonetics.alignment import align
from phonetics.articulation import PhonemeInventory
from scoring.annotations.contract import AnnotatedPhoneme, AnnotatedUtterance, AnnotatedWord

SPLITS = ("all", "train", "val", "test")
_NORMALISE = IpaNormaliser()


def annotated_table(path: Path, split: str) -> Iterator[AnnotatedUtterance]:
    """Yield the rows of a table, or of that in a folder; all rows, or those of a split."""
    table = find_manifest(path) if path.is_dir() else path
    if table is None:
        raise ValueError(f"{path}: must hold metadata.csv, metadata.tsv or metadata.jsonl")
    bounds = FolderBounds(table.parent)
    for row in read_manifest(table):
        if split in ("all", row.split) or row.fault:
            try:
                yield _utterance(row, bounds)
            except (AudioError, ValueError) as error:
                yield AnnotatedUtterance(f"line {row.line}", table, fault=str(error))


def _utterance(row: ManifestRow, bounds: FolderBounds) -> AnnotatedUtterance:
    if row.fault:
        raise ValueError(row.fault)
    part = f"#{row.start:g}" if row.is_part else ""
    utterance = AnnotatedUtterance(
        f"{row.file_name}{part}",
        bounds.path_of(row.file_name),
        speaker=row.speaker,
        start=row.start,
        end=row.end,
    )
    columns = dict(row.attributes or {})
    if SAID in columns:
        columns[SAID] = " ".join(_NORMALISE(columns[SAID].split()))
    return annotated_by_columns(utterance, _NORMALISE(row.phonemes or ()), columns)


def annotated_by_columns(
    utterance: AnnotatedUtterance, expected: Sequence[str], columns: Mapping[str, str]
) -> AnnotatedUtterance:
    """Add to an utterance what should be said, and what the columns of a table state about it."""
    names = [name for name in expected if name != WORD_DELIMITER]
    if not names:
        raise ValueError("phonemes must state what should be said")
    grades = columns.get("grades", "").split()
    if grades and len(grades) != len(names):
        raise ValueError(f"grades must be one for each phoneme, {len(names)}, there are {len(grades)}")
    annotated = _annotated(names, columns)
    if grades:
        annotated = [one._replace(grade=_number(grade)) for one, grade in zip(annotated, grades, strict=True)]
    phonemes = iter(annotated)
    groups = groupby(expected, key=lambda name: name == WORD_DELIMITER)
    words = [
        AnnotatedWord(tuple(next(phonemes) for _ in group))
        for is_boundary, group in groups
        if not is_boundary
    ]
    grade = columns.get("grade")
    return utterance._replace(words=tuple(words), grade=_number(grade) if grade else None)


def _number(cell: str) -> float:
    """Return a grade, with a point or a comma."""
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"a grade must be a number, got {cell!r}")
    return value


def _annotated(names: Sequence[str], columns: Mapping[str, str]) -> list[AnnotatedPhoneme]:
    compared = None
    if SAID in columns:
        said = [name for name in columns[SAID].split() if name != WORD_DELIMITER]
        compared = _compared(names, said)
        if "errors" not in columns:
            return compared
    errors = columns.get("errors", "").split()
    if len(errors) != len(names) or set(errors) - {"0", "1"}:
        raise ValueError(
            f"said_phonemes must be given, or errors, a 0 or 1 for each of {len(names)} phonemes, "
            f"got {errors}"
        )
    annotated = compared or [AnnotatedPhoneme(name, is_right=True) for name in names]
    return [
        one._replace(is_right=error == "0", said=one.said if error == "1" else None)
        for one, error in zip(annotated, errors, strict=True)
    ]


def _compared(expected: Sequence[str], said: Sequence[str]) -> list[AnnotatedPhoneme]:
    """Find what was said instead of each expected phoneme; inserted phonemes belong to none.

    >>> _compared(["θ", "ɪ", "k"], ["s", "ɪ"])[0]
    AnnotatedPhoneme(symbol='θ', is_right=False, said='s', grade=None)
    """
    pairs = align(expected, said, PhonemeInventory([*expected, *said])).pairs
    found = {pair.reference: "" if pair.hypothesis is None else said[pair.hypothesis] for pair in pairs}
    return [
        AnnotatedPhoneme(name, found[place] == name, None if found[place] == name else found[place])
        for place, name in enumerate(expected)
    ]
