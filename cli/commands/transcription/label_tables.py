"""A table of recordings with what should be said in each: ``metadata.csv``, ``.tsv`` or ``.jsonl``."""

from collections.abc import Sequence
from pathlib import Path

from cli.commands.transcription.recording_labels import Labels
from cli.commands.transcription.recordings import NamedRecording, audio_file
from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.contract import LabelledSegment
from dataset_modules.sources.folders.listed_rows import FolderBounds
from dataset_modules.sources.manifest import TABLE_SUFFIXES, ManifestRow, find_manifest, read_manifest
from experiment.errors import ConfigError


def table_of(name: str) -> Path | None:
    """Return the table that a name means: a file of that kind, or that of a folder; None for any other."""
    path = Path(name)
    try:
        manifest = find_manifest(path) if path.is_dir() else None
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return path if path.is_file() and path.suffix.lower() in TABLE_SUFFIXES else manifest


def listed_recordings(
    table: Path, stated: LabelledSegment | None, command: str
) -> list[tuple[NamedRecording, Labels]]:
    """Read the rows of a table, by recording; a row without a text has the stated one."""
    bounds = FolderBounds(table.parent)
    rows: dict[str, list[LabelledSegment]] = {}
    try:
        for row in read_manifest(table):
            segment = _segment(row, bounds, stated)
            key = f"line {row.line}" if segment.fault else str(segment.audio)
            rows.setdefault(key, []).append(segment)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{command}: {error}") from error
    return [_named(table, key, segments) for key, segments in rows.items()]


def _segment(row: ManifestRow, bounds: FolderBounds, stated: LabelledSegment | None) -> LabelledSegment:
    phonemes, text = row.phonemes, row.text
    if phonemes is None and text is None and stated is not None:
        phonemes, text = stated.phonemes, stated.text
    attributes = row.attributes or {}
    fault, audio = row.fault, bounds.folder
    if fault is None:
        try:
            audio = bounds.path_of(row.file_name)
        except AudioError as error:
            fault = str(error)
    return LabelledSegment(
        *(audio, row.start, row.end, phonemes, text, row.speaker),
        attributes=attributes,
        language=attributes.get("language"),
        fault=fault,
    )


def _named(table: Path, key: str, segments: Sequence[LabelledSegment]) -> tuple[NamedRecording, Labels]:
    first = segments[0]
    if first.fault:
        return NamedRecording(audio_file(table), Path(key)), f"{key}: {first.fault}"
    result = first.audio.relative_to(table.parent).with_suffix("")
    return NamedRecording(audio_file(first.audio), result), list(segments)
