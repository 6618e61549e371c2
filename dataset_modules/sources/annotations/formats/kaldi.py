"""Kaldi's data folders: ``wav.scp``, and ``segments``, ``text``, ``utt2spk``, ``utt2lang`` if present."""

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dataset_modules.sources.annotations.contract import LabelledSegment
from dataset_modules.sources.annotations.file_names import composed, on_disk
from dataset_modules.sources.annotations.formats.text_files import label_text
from untrusted.printing import printable

RECORDINGS_FILE = "wav.scp"
_FOLDERS_ABOVE = 3  # where relative paths may start: recipes run above data/train
_TO_THE_END = -1.0  # the end of a segment that lasts until the end of its recording


class _Place(NamedTuple):
    """Where an utterance lies: in a file from one time to another, or why it cannot be used."""

    audio: Path
    start: float = 0.0
    end: float | None = None
    fault: str | None = None


def kaldi_segments(folder: Path) -> Iterator[LabelledSegment]:
    """Yield the utterances of one data folder; their transcripts are in ``text``."""
    texts, speakers, languages = (_table(folder / name) for name in ("text", "utt2spk", "utt2lang"))
    places = _places(folder)
    for utterance in sorted(places.keys() | texts.keys()):
        unknown = f"{folder / 'text'} names it, no other file of the folder does"
        place = places.get(utterance) or _Place(folder / RECORDINGS_FILE, fault=unknown)
        yield LabelledSegment(
            *(place.audio, place.start, place.end),
            text=texts.get(utterance) or None,
            speaker=speakers.get(utterance) or None,
            language=languages.get(utterance) or None,
            id=utterance,
            fault=place.fault,
        )


def _places(folder: Path) -> dict[str, _Place]:
    recordings = {key: _recording(folder, value) for key, value in _table(folder / RECORDINGS_FILE).items()}
    if not (folder / "segments").is_file():
        return recordings
    segments = _table(folder / "segments")
    return {key: _segment(folder, value, recordings) for key, value in segments.items()}


def _recording(folder: Path, written: str) -> _Place:
    """Return the file of a recording; commands are refused, never run."""
    if written.endswith("|") or written.startswith("|"):
        command = printable(written, most_characters=80)
        fault = f"{RECORDINGS_FILE} must name files, commands are not run: {command}"
        return _Place(folder / RECORDINGS_FILE, fault=fault)
    if not written:
        return _Place(folder, fault=f"{RECORDINGS_FILE} names no file for it")
    path = Path(written.replace("\\", "/"))
    starts = [folder, *folder.absolute().parents[:_FOLDERS_ABOVE], Path()]
    files = (on_disk(start / path) for start in starts)
    return _Place(next(filter(os.path.isfile, files), folder / path))


def _segment(folder: Path, written: str, recordings: Mapping[str, _Place]) -> _Place:
    cells = written.split()
    times = _times(cells[1:])
    if times is None:
        fault = f"segments must state recording, start and end, got {printable(written, most_characters=80)}"
        return _Place(folder / "segments", fault=fault)
    recording = recordings.get(composed(cells[0]))
    if recording is None:
        fault = f"segments names the recording {printable(cells[0])}, which {RECORDINGS_FILE} lacks"
        return _Place(folder / RECORDINGS_FILE, fault=fault)
    start, end = times
    if end is not None and end <= start:
        fault = f"its times run backwards, from {start:.3f} to {end:.3f} s"
        return _Place(recording.audio, fault=recording.fault or fault)
    return _Place(recording.audio, start, end, recording.fault)


def _times(cells: list[str]) -> tuple[float, float | None] | None:
    try:
        start, end = float(cells[0]), float(cells[1])
    except (IndexError, ValueError):
        return None
    if not (math.isfinite(start) and math.isfinite(end) and start >= 0):
        return None
    return start, None if end == _TO_THE_END else end


def _table(path: Path) -> dict[str, str]:
    """Return the rest of each line by its first word; nothing if there is no such file."""
    if not path.is_file():
        return {}
    rows = (line.split(maxsplit=1) for line in label_text(path).splitlines())
    return {composed(row[0]): row[1].strip() if len(row) > 1 else "" for row in rows if row}
