"""A folder of recordings: its audio files, its manifest and the label files beside the audio."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dataset_modules.recording import AudioError, Recording, Split, UnusableAudio
from dataset_modules.sources.manifest import ManifestRow, find_manifest, read_manifest
from dataset_modules.sources.side_labels import LABEL_SUFFIXES, Labels, read_side_labels

_EXAMPLES = 5  # suffixes quoted in a message


class FolderAudio(NamedTuple):
    """An audio file below a folder."""

    id: str  # its path below the folder, with forward slashes
    path: Path
    label_files: Mapping[str, Path]  # the files beside it, by suffix


class StatedRecording(NamedTuple):
    """A recording, and its split in the manifest."""

    recording: Recording
    split: Split | None = None


class FolderWalk:
    """Visits a folder to any depth, except hidden folders and an excluded one.

    A linked folder is visited if it lies inside and was not visited otherwise, so that no recording occurs
    twice. Other links are not followed; ``lost`` names them afterwards.
    """

    def __init__(self, root: Path, excluded: Path | None = None) -> None:
        self.root = root
        self.lost: dict[Path, str] = {}  # broken links and links outside, with reasons
        self._excluded = excluded.resolve() if excluded else None
        self._seen: set[Path] = set()
        self._links: list[Path] = []

    def __iter__(self) -> Iterator[tuple[Path, list[str]]]:
        """Yield each folder and the names of its files."""
        yield from self._below(self.root)
        while self._links:
            self._links.sort()
            link = self._links.pop(0)
            target = link.resolve()
            if not target.is_relative_to(self.root.resolve()):
                self.lost[link] = f"a linked folder must lie below {self.root}, this one is {target}"
            elif not self._is_done(target):
                yield from self._below(link)

    def _below(self, top: Path) -> Iterator[tuple[Path, list[str]]]:
        for place, folders, names in os.walk(top):
            here = Path(place)
            self._seen.add(here.resolve())
            shown = {here / name for name in folders if not name.startswith(".")}
            links = {path for path in shown if path.is_symlink()}
            self._links += links
            folders[:] = sorted(path.name for path in shown - links if not self._is_done(path.resolve()))
            self._note_dangling(here, names)
            yield here, names

    def _is_done(self, folder: Path) -> bool:
        left_out = self._excluded is not None and folder.is_relative_to(self._excluded)
        return left_out or folder in self._seen

    def _note_dangling(self, here: Path, names: list[str]) -> None:
        """Note broken links without a suffix: they led to folders, perhaps on a disk that is not mounted."""
        for path in (here / name for name in names if "." not in name):
            if path.is_symlink() and not path.exists():
                self.lost[path] = f"it is a link to {os.readlink(path)}, which is not there"


def read_folder(
    folder: Path, extensions: Sequence[str], excluded: Path | None = None
) -> list[StatedRecording]:
    """Return all recordings below a folder, sorted by path, including unusable ones.

    The manifest lies directly in the folder. ``extensions`` of audio files are in lower case.
    """
    if excluded and not excluded.resolve().is_relative_to(folder.resolve()):
        excluded = None
    walk = FolderWalk(folder, excluded)
    files = {file.id: file for file in find_audio(walk, extensions)}
    listed = _listed(folder, files, extensions, excluded)
    bounds = _Bounds(folder)
    unlisted = {
        key: StatedRecording(_within(bounds, file)) for key, file in files.items() if key not in listed
    }
    recordings = unlisted | listed
    for path, reason in walk.lost.items():  # a broken link stands for an unknown number of recordings
        key = path.relative_to(folder).as_posix()
        recordings.setdefault(key, StatedRecording(Recording(key, UnusableAudio(reason, path))))
    return [recordings[key] for key in sorted(recordings)]


def find_audio(walk: FolderWalk, extensions: Sequence[str]) -> Iterator[FolderAudio]:
    """Yield the audio files below a folder, except hidden ones."""
    for here, names in walk:
        labels = [name for name in names if name.lower().endswith(LABEL_SUFFIXES)]
        beside = {name.lower(): here / name for name in labels} | {name: here / name for name in labels}
        for name in names:
            if name.lower().endswith(tuple(extensions)) and not name.startswith("."):
                yield _audio_file(walk.root, here / name, beside)


def _audio_file(folder: Path, path: Path, beside: Mapping[str, Path]) -> FolderAudio:
    """Return an audio file with the label files beside it; case does not matter."""
    labels: dict[str, Path] = {}
    for suffix in LABEL_SUFFIXES:
        found = beside.get(path.stem + suffix) or beside.get((path.stem + suffix).lower())
        labels |= {suffix: found} if found else {}
    return FolderAudio(path.relative_to(folder).as_posix(), path, labels)


def suffixes_in(folder: Path) -> str:
    """Return the suffixes in a folder and their numbers, for a message."""
    names = (name for _, _, names in os.walk(folder) for name in names if not name.startswith("."))
    counts = Counter(Path(name).suffix.lower() or "no extension" for name in names)
    return ", ".join(f"{suffix} ({count})" for suffix, count in counts.most_common(_EXAMPLES))


class _Bounds:
    """Checks that file names of a manifest stay inside its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = Path(os.path.normpath(folder.absolute()))
        self.real_path = folder.resolve()

    def id_of(self, file_name: str) -> str:
        """Return the path below the folder; raise ``AudioError`` if it leads out, also through a link."""
        path = Path(os.path.normpath(self.path / file_name.replace("\\", "/")))
        try:
            inside = path.is_relative_to(self.path) and path.resolve().is_relative_to(self.real_path)
            path.is_file()  # raises for a name that no file can have
        except (OSError, ValueError) as error:
            raise AudioError(f"file_name must be a file's path, got {file_name[:80]!r}: {error}") from error
        if not inside:
            raise AudioError(f"the file must lie below {self.folder}, {file_name} leads out of it")
        return path.relative_to(self.path).as_posix()


def _listed(
    folder: Path, files: Mapping[str, FolderAudio], extensions: Sequence[str], excluded: Path | None
) -> dict[str, StatedRecording]:
    """Return the recordings of the manifest by id; a faulty row is one, named by its line."""
    manifest = find_manifest(folder)
    listed: dict[str, StatedRecording] = {}
    bounds = _Bounds(folder)
    for row in read_manifest(manifest) if manifest else ():
        try:
            key = _new_id(bounds, row, listed, extensions)
            if excluded and (folder / key).resolve().is_relative_to(excluded.resolve()):
                continue
            recording = _recording(files.get(key) or FolderAudio(key, folder / key, {}), row)
        except AudioError as error:
            meant = [key for key in _meant(bounds, row) if key in files and key not in listed]
            name = meant[0] if meant else row.file_name
            key = meant[0] if meant else f"{manifest.name if manifest else ''}:{row.line}"
            path = folder / name if name else manifest
            recording = Recording(key, UnusableAudio(str(error), path), speaker=row.speaker)
        listed[key] = StatedRecording(recording, row.split)
    return listed


def _meant(bounds: _Bounds, row: ManifestRow) -> Iterator[str]:
    """Yield the ids that a faulty row may mean, so that these files are not added as unlisted."""
    for text in row.mentioned:
        with contextlib.suppress(AudioError):
            yield bounds.id_of(text)


def _new_id(
    bounds: _Bounds, row: ManifestRow, listed: Mapping[str, StatedRecording], extensions: Sequence[str]
) -> str:
    if row.fault:
        raise AudioError(row.fault)
    key = bounds.id_of(row.file_name)
    if not key.lower().endswith(tuple(extensions)):
        raise AudioError(f"{row.file_name}: must be of allowed_extensions ({', '.join(extensions)})")
    if key in listed:
        raise AudioError(f"{row.file_name} is listed in an earlier row already")
    return key


def _within(bounds: _Bounds, file: FolderAudio) -> Recording:
    """Return a recording that no manifest lists; a link out of the folder is unusable."""
    if not file.path.is_symlink():
        return _recording(file)
    try:
        bounds.id_of(file.id)
    except AudioError as error:
        return Recording(file.id, UnusableAudio(str(error), file.path))
    return _recording(file)


def _recording(file: FolderAudio, row: ManifestRow | None = None) -> Recording:
    """Return a recording with its labels: the manifest's, else those beside it, else none."""
    speaker, attributes = (row.speaker, row.attributes) if row else (None, None)
    try:
        stated = Labels(row.phonemes, row.text) if row and (row.phonemes or row.text) else None
        labels = stated or read_side_labels(file.label_files)
    except AudioError as error:
        return Recording(file.id, UnusableAudio(str(error), file.path), speaker=speaker)
    return Recording(file.id, file.path, labels.phonemes, labels.text, speaker, attributes=attributes)
