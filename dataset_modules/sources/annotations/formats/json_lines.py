"""JSON lines of NeMo (``audio_filepath``, ``offset``, ``duration``, ``text``, ``lang``), cuts of lhotse."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dataset_modules.sources.annotations.contract import LabelledSegment
from dataset_modules.sources.annotations.file_names import on_disk
from dataset_modules.sources.manifest import split_in_name
from untrusted.files import FileError, read_lines
from untrusted.json_text import MOST_LINE_BYTES, parse_json
from untrusted.shapes import conform

_AUDIO_KEYS = ("audio_filepath", "audio_path", "audio_file_path")
_LANGUAGE_KEYS = ("lang", "language")
_OWN_KEYS = {
    *_AUDIO_KEYS,
    *_LANGUAGE_KEYS,
    "offset",
    "duration",
    "text",
    "phonemes",
    "speaker",
    "split",
    "id",
}


def is_json_lines_listing(path: Path) -> bool:
    """Return whether the first line of a file names audio as NeMo does."""
    try:
        first = next((line for line in read_lines(path, most_bytes=MOST_LINE_BYTES) if line.strip()), "")
        row = parse_json(first, path)
    except FileError:
        return False
    return isinstance(row, dict) and (any(key in row for key in _AUDIO_KEYS) or _is_cut(row))


def json_line_segments(path: Path) -> Iterator[LabelledSegment]:
    """Yield the rows of a file; the split is the row's, or the one that the file's name states."""
    for number, line in enumerate(read_lines(path, most_bytes=MOST_LINE_BYTES), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line, f"{path.name}, line {number}", dict[str, Any])
            for part in _supervisions(row) if _is_cut(row) else [row]:
                yield _segment(path, part)
        except (FileError, ValueError) as error:
            yield LabelledSegment(path, id=f"{path.name}:{number}", fault=str(error))


def _is_cut(row: Mapping[str, Any]) -> bool:
    """Return whether a row is a cut of lhotse, which holds its recording and what is said in it."""
    return isinstance(row.get("recording"), dict) and isinstance(row.get("supervisions"), list)


def _supervisions(cut: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each utterance of a cut of lhotse; commands as sources are refused, never run."""
    sources = conform(cut["recording"].get("sources"), list[dict[str, Any]], "recording.sources")
    if len(sources) != 1 or sources[0].get("type") != "file":
        kinds = ", ".join(str(source.get("type"))[:20] for source in sources)
        raise ValueError(f"recording.sources must be one file, got {kinds or 'none'}")
    start = _seconds(cut, "start")
    return [
        {
            "audio_filepath": sources[0].get("source"),
            "offset": start + _seconds(said, "start"),
            "duration": said.get("duration"),
            **{name: said.get(name) for name in ("text", "speaker", "language")},
        }
        for said in conform(cut["supervisions"], list[dict[str, Any]], "supervisions")
    ]


def _segment(path: Path, row: Mapping[str, Any]) -> LabelledSegment:
    """Return a row's segment; raise ``ValueError`` for values of a wrong kind."""
    audio = _text(row, *_AUDIO_KEYS)
    if not audio:
        raise ValueError(f"{_AUDIO_KEYS[0]} must name a file")
    start, duration = _seconds(row, "offset"), _seconds(row, "duration")
    # Without an offset, the duration only describes the file, and is often rounded.
    end = start + duration if "offset" in row and row["offset"] is not None and duration else None
    phonemes = (_text(row, "phonemes") or "").split()
    split = _text(row, "split")
    return LabelledSegment(
        on_disk(path.parent / audio.replace("\\", "/")),
        start,
        end,
        tuple(phonemes) or None,
        _text(row, "text"),
        _text(row, "speaker"),
        split_in_name(split or path.stem),
        _attributes(row),
        _text(row, *_LANGUAGE_KEYS),
    )


def _text(row: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = row.get(name)
        if isinstance(value, (list, dict, bool)):
            raise ValueError(f"{name} must be text, got {str(value)[:40]}")
        if value is not None:
            return str(value).strip() or None
    return None


def _seconds(row: Mapping[str, Any], name: str) -> float:
    value = row.get(name)
    if value is None:
        return 0.0
    seconds = float(conform(value, float, name))
    if seconds < 0:
        raise ValueError(f"{name} must be seconds, got {seconds}")
    return seconds


def _attributes(row: Mapping[str, Any]) -> dict[str, str] | None:
    others = {name: value for name, value in row.items() if name not in _OWN_KEYS}
    texts = {name: str(value) for name, value in others.items() if isinstance(value, (str, int, float))}
    return {name: text for name, text in texts.items() if text} or None
