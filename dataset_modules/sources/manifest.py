"""The table of a folder of recordings: ``metadata.csv``, ``metadata.tsv`` or ``metadata.jsonl``."""

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

from dataset_modules.recording import Split
from dataset_modules.sources.tsv import check_encoding, read_tsv
from untrusted.files import open_text

CSV_MANIFEST = "metadata.csv"
_SPLITS: dict[str, Split] = {
    **{"train": "train", "test": "test"},
    **{"val": "val", "validation": "val", "valid": "val", "dev": "val"},
}
_JSON_TEXT = re.compile(r'"([^"\\]+)"')  # also matches in a broken line
_OWN_COLUMNS = {"file_name", "phonemes", "text", "speaker", "split", "start", "end"}
_BY_PHONEME = {"said_phonemes", "errors", "grades"}  # columns of annotations; JSON may have lists of them


class ManifestRow(NamedTuple):
    """The content of one row, or its fault."""

    line: int
    file_name: str = ""
    phonemes: tuple[str, ...] | None = None
    text: str | None = None
    speaker: str | None = None
    split: Split | None = None
    start: float = 0.0  # seconds
    end: float | None = None  # None is the recording's end
    attributes: Mapping[str, str] | None = None
    fault: str | None = None
    mentioned: tuple[str, ...] = ()  # the texts of a faulty row, of which one may be the file name

    @property
    def is_part(self) -> bool:
        """Whether the row cuts a part out of its file."""
        return self.start > 0 or self.end is not None


def split_in_name(name: str) -> Split | None:
    """Return the split that a file's or a folder's name states.

    >>> [split_in_name(name) for name in ("train_clean_100", "manifest-dev", "eval", "x")]
    ['train', 'val', 'test', None]
    """
    words = re.split(r"[^a-z]+", name.lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), "test" if "eval" in words else None)


def find_manifest(folder: Path) -> Path | None:
    """Return the folder's manifest, if it has one; two are refused, because they may disagree."""
    names = (f"metadata{suffix}" for suffix in TABLE_SUFFIXES)
    found = [folder / name for name in names if (folder / name).is_file()]
    if len(found) > 1:
        listed = " and ".join(path.name for path in found)
        raise ValueError(f"{folder}: a folder must have only one manifest, found {listed}")
    return found[0] if found else None


def read_manifest(path: Path) -> Iterator[ManifestRow]:
    """Yield the rows of a manifest, including faulty ones."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path}: a table must be one of {', '.join(TABLE_SUFFIXES)}")
    try:
        yield from reader(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: must be {path.suffix[1:].upper()} in UTF-8: {error}") from error


def _read_csv(path: Path) -> Iterator[ManifestRow]:
    with open_text(path, errors="surrogateescape", newline="") as stream:
        # Strict, so that an unclosed quote is an error and does not absorb the following rows.
        reader = csv.DictReader(stream, delimiter=_separator(stream), strict=True)
        reader.fieldnames = _columns(reader.fieldnames or ())
        check_encoding(path, reader.fieldnames)
        if "file_name" not in reader.fieldnames:
            raise ValueError(f"{path}: the header must name the column file_name, it is {reader.fieldnames}")
        for cells in reader:
            if None in cells or None in cells.values():
                yield _faulty(
                    reader.line_num, "the row must have as many cells as the header", _flat(cells.values())
                )
            else:
                yield parse_row(reader.line_num, cells)


def _columns(header: Iterable[str]) -> list[str]:
    """Return a header's names without spaces around them; those with a meaning may be in capitals.

    >>> _columns([" File_Name", "Room ", "text", "Text"])
    ['file_name', 'Room', 'text', 'Text']
    """
    plain = [name.strip() for name in header]
    meant = _OWN_COLUMNS - set(plain)
    return [name.lower() if name.lower() in meant else name for name in plain]


def _separator(stream: TextIO) -> str:
    """Return the separator of the header: office programs write semicolons where a comma is a decimal's."""
    header = stream.readline()
    stream.seek(0)
    return max(",;\t|", key=header.count)


def _read_tsv(path: Path) -> Iterator[ManifestRow]:
    for row in read_tsv(path, required=("file_name",), columns_of=_columns):
        yield _faulty(row.line, row.fault, row.unplaced) if row.fault else parse_row(row.line, row.cells)


def _read_jsonl(path: Path) -> Iterator[ManifestRow]:
    with open_text(path, newline="\n") as stream:
        for line, text in enumerate(stream, start=1):
            if text.strip():
                yield _parse_json(line, text)


def _parse_json(line: int, text: str) -> ManifestRow:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _faulty(line, f"the line must be a JSON object: {error}", _JSON_TEXT.findall(text))
    if not isinstance(fields, dict):
        return ManifestRow(line, fault="the line must be a JSON object")
    return parse_row(line, fields)


def parse_row(line: int, fields: Mapping[str, object]) -> ManifestRow:
    """Return a row, given its fields; phonemes are separated by spaces, or a list.

    >>> parse_row(2, {"file_name": "a.wav", "phonemes": "t ɛ s t", "split": "dev"}).split
    'val'
    >>> parse_row(2, {"file_name": ""}).fault
    'file_name must be given'
    """
    for name in ("file_name", "text", "speaker", "split", "start", "end"):
        if isinstance(fields.get(name), (list, dict, bool)):
            fault = f"{name} must be text, got {str(fields[name])[:40]}"
            return _faulty(line, fault, [fields.get("file_name")])
    given = fields.get("phonemes")
    of_texts = not isinstance(given, list) or all(isinstance(text, str) for text in given)
    if isinstance(given, (dict, bool)) or not of_texts:
        fault = f"phonemes must be text or a list of texts, got {str(given)[:40]}"
        return _faulty(line, fault, [fields.get("file_name")])
    file_name, split = _text(fields, "file_name"), _text(fields, "split")
    if file_name is None:
        return _faulty(line, "file_name must be given", _flat(fields.values()))
    if split is not None and split.lower() not in _SPLITS:
        return _faulty(line, f"split must be train, val or test, got {split[:40]!r}", [file_name])
    times = _times(fields)
    if times is None:
        given = f"{_text(fields, 'start')} and {_text(fields, 'end')}"[:40]
        return _faulty(line, f"start and end must be seconds, the start before the end, got {given}", [])
    phonemes = given if isinstance(given, list) else (_text(fields, "phonemes") or "").split()
    return ManifestRow(
        line,
        file_name,
        phonemes=tuple(phonemes) or None,
        text=_text(fields, "text"),
        speaker=_text(fields, "speaker"),
        split=_SPLITS[split.lower()] if split else None,
        start=times[0],
        end=times[1],
        attributes=_attributes(fields),
    )


def _times(fields: Mapping[str, object]) -> tuple[float, float | None] | None:
    """Return the seconds of the columns ``start`` and ``end``, with a point or a comma; None if wrong."""
    if _text(fields, "start") is None and _text(fields, "end") is None:
        return 0.0, None
    try:
        start, end = (float((_text(fields, name) or "nan").replace(",", ".")) for name in ("start", "end"))
    except ValueError:
        return None
    given = [value for name, value in (("start", start), ("end", end)) if _text(fields, name) is not None]
    if any(not math.isfinite(value) or value < 0 for value in given):
        return None
    start = 0.0 if _text(fields, "start") is None else start
    if _text(fields, "end") is None:
        return start, None
    return (start, end) if start < end else None


def _faulty(line: int, fault: str, mentioned: Iterable[object]) -> ManifestRow:
    texts = (text.strip() for text in mentioned if isinstance(text, str))
    return ManifestRow(line, fault=fault, mentioned=tuple(text for text in texts if text))


def _flat(cells: Iterable[object]) -> Iterator[object]:
    """Yield all cells, including surplus cells, which ``csv`` puts into a list."""
    for cell in cells:
        yield from cell if isinstance(cell, list) else [cell]


def _attributes(fields: Mapping[str, object]) -> dict[str, str] | None:
    """Return the further columns as texts; objects are left out, and lists but those of annotations."""
    texts = {
        name: _text(fields, name)
        for name, value in fields.items()
        if name and name not in _OWN_COLUMNS and (name in _BY_PHONEME or not isinstance(value, (list, dict)))
    }
    return {name: text for name, text in texts.items() if text} or None


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    value = " ".join(map(str, value)) if isinstance(value, list) else value
    return None if value is None else str(value).strip() or None


_READERS: dict[str, Callable[[Path], Iterator[ManifestRow]]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
}
TABLE_SUFFIXES = tuple(_READERS)
