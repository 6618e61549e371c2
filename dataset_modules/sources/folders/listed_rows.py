"""The rows of a manifest by the file that they describe, kept in few bytes each."""

import contextlib
import marshal
import os
import stat
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import NamedTuple

from dataset_modules.recording import AudioError, Recording, Split, UnusableAudio
from dataset_modules.sources.annotations.contract import LabelledSegment
from dataset_modules.sources.annotations.file_names import composed, on_disk
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


# A row is kept as bytes until all are known; several are parts of one file; None is a file without a row.
Listed = StatedRecording | bytes | list[bytes] | None
# What a row states; the fields of a segment that follow its audio have the same order.
_STATED = slice(ManifestRow._fields.index("start"), ManifestRow._fields.index("attributes") + 1)


def unpacked_row(audio: Path, row: bytes) -> LabelledSegment:
    """Return a row that was kept as bytes: what it states about its file, or about a part of it."""
    return LabelledSegment(audio, *marshal.loads(row))  # noqa: S302 - this process wrote it


class ListedRows:
    """Puts the rows of a folder's manifest to the files that they describe.

    Args:
        bounds: the folder.
        by_id: the audio files that were found, by id; a faulty row becomes a recording here.
        links: the ids of files that are links, which may lead out of the folder.
        extensions: the suffixes of audio files.
        excluded: a folder whose rows are left out.
    """

    def __init__(
        self,
        bounds: FolderBounds,
        by_id: dict[str, Listed],
        links: Set[str],
        extensions: Sequence[str],
        excluded: Path | None,
    ) -> None:
        self._bounds = bounds
        self._by_id = by_id
        self._links = links
        self._extensions = tuple(extensions)
        self._excluded = excluded and excluded.resolve()
        # A row's name may be composed where the file's is not.
        accented = [key for key in by_id if not key.isascii()]
        self._spelled = {composed(key): key for key in accented} | {key: key for key in accented}

    def read(self) -> None:
        """Read the manifest, if there is one."""
        manifest = find_manifest(self._bounds.folder)
        if manifest is None:
            return
        for row in read_manifest(manifest):
            try:
                key = self._id_of(row)
            except AudioError as error:
                recording = self._faulty(row, error, manifest)
                self._by_id[recording.id] = StatedRecording(recording, row.split)
                continue
            if self._is_excluded(key):
                continue
            packed, earlier = marshal.dumps(row[_STATED]), self._by_id.get(key)
            if not row.is_part:
                self._by_id[key] = packed  # under the walk's text: a second one would need memory
            elif isinstance(earlier, list):
                earlier.append(packed)
            else:
                self._by_id[key] = [packed]

    def _id_of(self, row: ManifestRow) -> str:
        """Return the id of the file that a row describes; raise ``AudioError`` for a faulty row."""
        if row.fault:
            raise AudioError(row.fault)
        key = row.file_name
        if not self._is_inside(key):
            named = self._bounds.id_of(key)
            key = self._own_key(named)
            if key != named:
                self._bounds.id_of(key)  # another file of the disk, which may be a link out of the folder
        if not key.lower().endswith(self._extensions):
            listed = ", ".join(self._extensions)
            raise AudioError(f"{row.file_name}: must be of allowed_extensions ({listed})")
        earlier = self._by_id.get(key)
        if earlier is not None and not (row.is_part and isinstance(earlier, list)):
            raise AudioError(f"{row.file_name} is listed in an earlier row already")
        return key

    def _is_inside(self, key: str) -> bool:
        """Whether a file was found in the folder, or an earlier row's name was checked."""
        return key in self._by_id and key not in self._links

    def _is_excluded(self, key: str) -> bool:
        if self._excluded is None or self._is_inside(key):
            return False
        return (self._bounds.folder / key).resolve().is_relative_to(self._excluded)

    def _own_key(self, key: str) -> str:
        """Return the walk's spelling of an id, where it found the file."""
        return key if key in self._by_id else self._spelled.get(composed(key), key)

    def _faulty(self, row: ManifestRow, error: AudioError, manifest: Path) -> Recording:
        """Return the recording of a faulty row: the file that it may mean, else its line."""
        meant = (self._own_key(key) for key in self._meant(row))
        key = next((key for key in meant if key in self._by_id and self._by_id[key] is None), None)
        name = key or row.file_name
        audio = UnusableAudio(str(error), self._bounds.folder / name if name else manifest)
        return Recording(key or f"{manifest.name}:{row.line}", audio, speaker=row.speaker)

    def _meant(self, row: ManifestRow) -> Iterator[str]:
        """Yield the ids that a faulty row may mean, so that these files are not added as unlisted."""
        for text in row.mentioned:
            with contextlib.suppress(AudioError):
                yield self._bounds.id_of(text)
