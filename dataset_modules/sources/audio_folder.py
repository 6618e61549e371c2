"""A folder of recordings: its audio files, its manifest and the label files beside the audio."""

import contextlib
import marshal
import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from dataset_modules.recording import AudioError, Recording, Split, UnusableAudio
from dataset_modules.sources.manifest import ManifestRow, find_manifest, read_manifest
from dataset_modules.sources.side_labels import LABEL_SUFFIXES, Labels, read_side_labels

_EXAMPLES = 5  # suffixes quoted in a message
_NO_LABELS: Mapping[str, Path] = MappingProxyType({})


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
) -> Iterator[StatedRecording]:
    """Yield all recordings below a folder, sorted by path, including unusable ones.

    The manifest lies directly in the folder. ``extensions`` of audio files are in lower case. A manifest
    may have millions of rows, so rows wait in few bytes each until all are known and can be sorted.
    """
    if excluded and not excluded.resolve().is_relative_to(folder.resolve()):
        excluded = None
    walk, bounds = FolderWalk(folder, excluded), _Bounds(folder)
    files = dict(find_audio(walk, extensions))
    listed = _listed(bounds, files, extensions, excluded)
    # A broken link stands for an unknown number of recordings.
    lost = {path.relative_to(folder).as_posix(): (path, reason) for path, reason in walk.lost.items()}
    for key in sorted(files.keys() | listed.keys() | lost.keys()):
        row = listed.pop(key, None)
        if isinstance(row, StatedRecording):
            yield row
        elif row is not None:
            yield _stated(key, folder / key, files.get(key, _NO_LABELS), marshal.loads(row))  # noqa: S302
        elif key in files:
            yield StatedRecording(_unlisted(bounds, key, files[key]))
        else:
            path, reason = lost[key]
            yield StatedRecording(Recording(key, UnusableAudio(reason, path)))


def find_audio(walk: FolderWalk, extensions: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Path]]]:
    """Yield the id of each audio file below a folder, except hidden ones, with the label files beside it.

    The id is the path below the folder, with forward slashes; label files are named by suffix.
    """
    suffixes = tuple(extensions)
    for here, names in walk:
        place = here.relative_to(walk.root).as_posix()
        prefix = "" if place == "." else f"{place}/"
        labels = [name for name in names if name.lower().endswith(LABEL_SUFFIXES)]
        beside = {name.lower(): here / name for name in labels} | {name: here / name for name in labels}
        for name in names:
            if name.lower().endswith(suffixes) and not name.startswith("."):
                yield prefix + name, _label_files(name, beside) if beside else _NO_LABELS


def _label_files(name: str, beside: Mapping[str, Path]) -> Mapping[str, Path]:
    """Return the label files beside an audio file by suffix; case does not matter."""
    stem = os.path.splitext(name)[0]
    found = {
        suffix: beside.get(stem + suffix) or beside.get((stem + suffix).lower()) for suffix in LABEL_SUFFIXES
    }
    return {suffix: path for suffix, path in found.items() if path} or _NO_LABELS


def suffixes_in(folder: Path) -> str:
    """Return the suffixes in a folder and their numbers, for a message."""
    names = (name for _, _, names in os.walk(folder) for name in names if not name.startswith("."))
    counts = Counter(Path(name).suffix.lower() or "no extension" for name in names)
    return ", ".join(f"{suffix} ({count})" for suffix, count in counts.most_common(_EXAMPLES))


class _Bounds:
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


# A row of the manifest, which is kept as bytes until all are known.
_RowContent = tuple[
    tuple[str, ...] | None, str | None, str | None, Split | None, Mapping[str, str] | None
]  # phonemes, text, speaker, split, attributes


def _listed(
    bounds: _Bounds, files: Mapping[str, Mapping[str, Path]], extensions: Sequence[str], excluded: Path | None
) -> dict[str, StatedRecording | bytes]:
    """Return the rows of the manifest by id; a faulty row is a recording, named by its line."""
    manifest = find_manifest(bounds.folder)
    listed: dict[str, StatedRecording | bytes] = {}
    own_keys = {key: key for key in files}  # a row keeps the walk's text, not a second one
    for row in read_manifest(manifest) if manifest else ():
        try:
            key = _new_id(bounds, row, listed, extensions)
        except AudioError as error:
            key, recording = _faulty(bounds, row, error, manifest, files, listed)
            listed[key] = StatedRecording(recording, row.split)
            continue
        if excluded and (bounds.folder / key).resolve().is_relative_to(excluded.resolve()):
            continue
        attributes = dict(row.attributes) if row.attributes else None
        content = (row.phonemes, row.text, row.speaker, row.split, attributes)
        listed[own_keys.get(key, key)] = marshal.dumps(content)
    return listed


def _faulty(
    bounds: _Bounds,
    row: ManifestRow,
    error: AudioError,
    manifest: Path | None,
    files: Mapping[str, object],
    listed: Mapping[str, object],
) -> tuple[str, Recording]:
    """Return the id and the recording of a faulty row: the file that it may mean, else its line."""
    meant = [key for key in _meant(bounds, row) if key in files and key not in listed]
    name = meant[0] if meant else row.file_name
    key = meant[0] if meant else f"{manifest.name if manifest else ''}:{row.line}"
    path = bounds.folder / name if name else manifest
    return key, Recording(key, UnusableAudio(str(error), path), speaker=row.speaker)


def _meant(bounds: _Bounds, row: ManifestRow) -> Iterator[str]:
    """Yield the ids that a faulty row may mean, so that these files are not added as unlisted."""
    for text in row.mentioned:
        with contextlib.suppress(AudioError):
            yield bounds.id_of(text)


def _new_id(
    bounds: _Bounds, row: ManifestRow, listed: Mapping[str, object], extensions: Sequence[str]
) -> str:
    if row.fault:
        raise AudioError(row.fault)
    key = bounds.id_of(row.file_name)
    if not key.lower().endswith(tuple(extensions)):
        raise AudioError(f"{row.file_name}: must be of allowed_extensions ({', '.join(extensions)})")
    if key in listed:
        raise AudioError(f"{row.file_name} is listed in an earlier row already")
    return key


def _unlisted(bounds: _Bounds, key: str, label_files: Mapping[str, Path]) -> Recording:
    """Return a recording that no manifest lists; a link out of the folder is unusable."""
    path = bounds.folder / key
    try:
        if path.is_symlink():
            bounds.id_of(key)
    except AudioError as error:
        return Recording(key, UnusableAudio(str(error), path))
    return _recording(key, path, label_files)


def _stated(key: str, path: Path, label_files: Mapping[str, Path], row: _RowContent) -> StatedRecording:
    phonemes, text, speaker, split, attributes = row
    labels = Labels(phonemes, text) if phonemes or text else None
    return StatedRecording(_recording(key, path, label_files, labels, speaker, attributes), split)


def _recording(
    key: str,
    path: Path,
    label_files: Mapping[str, Path],
    labels: Labels | None = None,
    speaker: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> Recording:
    """Return a recording with its labels: the manifest's, else those beside it, else none."""
    try:
        phonemes, text = labels or read_side_labels(label_files)
    except AudioError as error:
        return Recording(key, UnusableAudio(str(error), path), speaker=speaker)
    return Recording(key, path, phonemes, text, speaker, attributes=attributes)
