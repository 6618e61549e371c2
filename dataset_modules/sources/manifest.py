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
_TEXT_COLUMNS = ("file_name", "text", "speaker", "split", "start", "end")
_OWN_COLUMNS = frozenset((*_TEXT_COLUMNS, "phonemes"))
_ONLY_TEXTS = frozenset({str})
_BY_PHONEME = {"said_phonemes", "errors", "grades"}  # columns of annotations; JSON may have lists of them


class ManifestRow(NamedTuple):
    """The content of one row, or its fault."""

    line: int
    file_name: str = ""
    start: float = 0.0  # seconds
    end: float | None = None  # None is the recording's end
    phonemes: tuple[str, ...] | None = None
    text: str | None = None
    speaker: str | None = None
    split: Split | None = None
    attributes: dict[str, str] | None = None
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
    cells, listed = fields, fields.get("phonemes")
    if not _ONLY_TEXTS.issuperset(map(type, fields.values())):
        if fault := _wrong_kind(fields):
            return _faulty(line, fault, [fields.get("file_name")])
        cells = _plain(fields)
    texts = {name: text for name, value in cells.items() if name and (text := str(value).strip())}
    file_name, split = texts.get("file_name"), texts.get("split")
    if file_name is None:
        return _faulty(line, "file_name must be given", _flat(fields.values()))
    if split is not None and split.lower() not in _SPLITS:
        return _faulty(line, f"split must be train, val or test, got {split[:40]!r}", [file_name])
    times = _times(texts.get("start"), texts.get("end"))
    if times is None:
        given = f"{texts.get('start')} and {texts.get('end')}"[:40]
        return _faulty(line, f"start and end must be seconds, the start before the end, got {given}", [])
    phonemes = listed if isinstance(listed, list) else texts.get("phonemes", "").split()
    return ManifestRow(
        line,
        file_name,
        *times,
        tuple(phonemes) or None,
        texts.get("text"),
        texts.get("speaker"),
        _SPLITS[split.lower()] if split else None,
        {name: text for name, text in texts.items() if name not in _OWN_COLUMNS} or None,
    )


def _plain(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the cells that are texts; objects are left out, and lists but those of annotations."""
    return {
        name: " ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in fields.items()
        if value is not None and (name in _BY_PHONEME or not isinstance(value, (list, dict)))
    }


def _wrong_kind(fields: Mapping[str, object]) -> str | None:
    """Return the fault of a row with a list, an object or a truth value where a text must be."""
    for name in _TEXT_COLUMNS:
        if isinstance(fields.get(name), (list, dict, bool)):
            return f"{name} must be text, got {str(fields[name])[:40]}"
    given = fields.get("phonemes")
    of_texts = not isinstance(given, list) or all(isinstance(text, str) for text in given)
    if isinstance(given, (dict, bool)) or not of_texts:
        return f"phonemes must be text or a list of texts, got {str(given)[:40]}"
    return None


def _times(start: str | None, end: str | None) -> tuple[float, float | None] | None:
    """Return the seconds of the columns ``start`` and ``end``, with a point or a comma; None if wrong."""
    if start is None and end is None:
        return 0.0, None
    try:
        seconds = [None if text is None else float(text.replace(",", ".")) for text in (start, end)]
    except ValueError:
        return None
    if any(value is not None and (not math.isfinite(value) or value < 0) for value in seconds):
        return None
    first, last = seconds[0] or 0.0, seconds[1]
    return (first, last) if last is None or first < last else None


def _faulty(line: int, fault: str, mentioned: Iterable[object]) -> ManifestRow:
    texts = (text.strip() for text in mentioned if isinstance(text, str))
    return ManifestRow(line, fault=fault, mentioned=tuple(text for text in texts if text))


def _flat(cells: Iterable[object]) -> Iterator[object]:
    """Yield all cells, including surplus cells, which ``csv`` puts into a list."""
    for cell in cells:
        yield from cell if isinstance(cell, list) else [cell]


_READERS: dict[str, Callable[[Path], Iterator[ManifestRow]]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
}
TABLE_SUFFIXES = tuple(_READERS)
