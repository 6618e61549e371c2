"""The rows of a manifest by the file that they describe, kept in few bytes each."""

import contextlib
import marshal
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dataset_modules.recording import AudioError, Recording, Split, UnusableAudio
from dataset_modules.sources.annotations.file_names import composed, on_disk
from dataset_modules.sources.annotations.side_files import LabelFiles
from dataset_modules.sources.manifest import ManifestRow, find_manifest, read_manifest


class StatedRecording(NamedTuple):
    """A recording, and its split in the manifest."""

    recording: Recording
    split: Split | None = None


class FolderBounds:
    """Checks that file names of a manifest stay inside its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = os.path.normpath(folder.absolute())
        self._real_path = os.path.realpath(folder)
        self._real_folders: dict[str, str] = {}  # by folder: its path without links

    def id_of(self, file_name: str) -> str:
        """Return the path below the folder; raise ``AudioError`` if it leads out, also through a link."""
        path = os.path.normpath(os.path.join(self.path, file_name.replace("\\", "/")))
        try:
            inside = _is_below(path, self.path) and _is_below(self._real(path), self._real_path)
        except (OSError, ValueError) as error:
            raise AudioError(f"file_name must be a file's path, got {file_name[:80]!r}: {error}") from error
        if not inside:
            raise AudioError(f"the file must lie below {self.folder}, {file_name} leads out of it")
        return path[len(self.path) + 1 :]

    def path_of(self, file_name: str) -> Path:
        """Return the file as the disk spells its name; raise ``AudioError`` if it leads out of the folder."""
        path = on_disk(self.folder / self.id_of(file_name))
        self.id_of(str(path.absolute()))  # another file of the disk, which may be a link
        return path

    def _real(self, path: str) -> str:
        """Return a file's path without links; folders are resolved once."""
        folder, name = os.path.split(path)
        try:
            is_link = stat.S_ISLNK(os.lstat(path).st_mode)  # raises for a name that no file can have
        except (FileNotFoundError, NotADirectoryError):
            is_link = False
        if is_link:
            return os.path.realpath(path)
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        return os.path.join(self._real_folders[folder], name)


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


class RowContent(NamedTuple):
    """What a row of the manifest states about a file, or about a part of it."""

    start: float = 0.0
    end: float | None = None
    phonemes: tuple[str, ...] | None = None
    text: str | None = None
    speaker: str | None = None
    split: Split | None = None
    attributes: Mapping[str, str] | None = None


NO_ROW = RowContent()
# A row is kept as bytes until all are known; several are parts of one file.
Listed = StatedRecording | bytes | list[bytes]


def unpacked_row(row: bytes) -> RowContent:
    """Return a row that was kept as bytes."""
    return RowContent(*marshal.loads(row))  # noqa: S302 - this process wrote it


def rows_by_file(
    bounds: FolderBounds, files: Mapping[str, LabelFiles], extensions: Sequence[str], excluded: Path | None
) -> dict[str, Listed]:
    """Return the rows of the manifest by id; a faulty row is a recording, named by its line."""
    manifest = find_manifest(bounds.folder)
    listed: dict[str, Listed] = {}
    # A row keeps the walk's text, not a second one; its own may be composed where the file's is not.
    own_keys = {composed(key): key for key in files}
    own_keys.update((key, key) for key in files)
    for row in read_manifest(manifest) if manifest else ():
        try:
            key = _new_id(bounds, row, listed, extensions, own_keys)
        except AudioError as error:
            key, recording = _faulty(bounds, row, error, manifest, own_keys, listed)
            listed[key] = StatedRecording(recording, row.split)
            continue
        if excluded and (bounds.folder / key).resolve().is_relative_to(excluded.resolve()):
            continue
        attributes = dict(row.attributes) if row.attributes else None
        packed = marshal.dumps(
            (row.start, row.end, row.phonemes, row.text, row.speaker, row.split, attributes)
        )
        earlier = listed.get(key)
        if not row.is_part:
            listed[key] = packed
        elif isinstance(earlier, list):
            earlier.append(packed)
        else:
            listed[key] = [packed]
    return listed


def _faulty(
    bounds: FolderBounds,
    row: ManifestRow,
    error: AudioError,
    manifest: Path | None,
    own_keys: Mapping[str, str],
    listed: Mapping[str, object],
) -> tuple[str, Recording]:
    """Return the id and the recording of a faulty row: the file that it may mean, else its line."""
    named = (_own_key(own_keys, key) for key in _meant(bounds, row))
    meant = [key for key in named if key in own_keys and key not in listed]
    name = meant[0] if meant else row.file_name
    key = meant[0] if meant else f"{manifest.name if manifest else ''}:{row.line}"
    path = bounds.folder / name if name else manifest
    return key, Recording(key, UnusableAudio(str(error), path), speaker=row.speaker)


def _meant(bounds: FolderBounds, row: ManifestRow) -> Iterator[str]:
    """Yield the ids that a faulty row may mean, so that these files are not added as unlisted."""
    for text in row.mentioned:
        with contextlib.suppress(AudioError):
            yield bounds.id_of(text)


def _own_key(own_keys: Mapping[str, str], key: str) -> str:
    """Return the walk's spelling of an id, where it found the file."""
    return own_keys.get(key) or own_keys.get(composed(key), key)


def _new_id(
    bounds: FolderBounds,
    row: ManifestRow,
    listed: Mapping[str, object],
    extensions: Sequence[str],
    own_keys: Mapping[str, str],
) -> str:
    if row.fault:
        raise AudioError(row.fault)
    named = bounds.id_of(row.file_name)
    key = _own_key(own_keys, named)
    if key != named:
        bounds.id_of(key)  # another file of the disk, which may be a link out of the folder
    if not key.lower().endswith(tuple(extensions)):
        raise AudioError(f"{row.file_name}: must be of allowed_extensions ({', '.join(extensions)})")
    if key in listed and not (row.is_part and isinstance(listed[key], list)):
        raise AudioError(f"{row.file_name} is listed in an earlier row already")
    return key
