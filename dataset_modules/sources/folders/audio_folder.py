"""A folder of recordings: its audio files, its manifest and the label files beside the audio."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType

from dataset_modules.recording import AudioError, Recording, UnusableAudio
from dataset_modules.sources.annotations.contract import LabelledSegment
from dataset_modules.sources.annotations.file_names import composed, on_disk
from dataset_modules.sources.annotations.options import LabelOptions
from dataset_modules.sources.annotations.segment_recordings import recordings_of
from dataset_modules.sources.annotations.side_files import SIDE_SUFFIXES, LabelFiles, SideFiles
from dataset_modules.sources.annotations.summary import LabelSummary
from dataset_modules.sources.folders.folder_walk import FolderWalk
from dataset_modules.sources.folders.listed_rows import (
    FolderBounds,
    Listed,
    ListedRows,
    StatedRecording,
    unpacked_row,
)

_EXAMPLES = 5  # suffixes quoted in a message
_NO_LABELS: LabelFiles = MappingProxyType({})


class FolderReader:
    """Lists the recordings below a folder.

    Args:
        folder: the folder; its manifest lies directly in it.
        extensions: the suffixes of audio files, in lower case.
        excluded: a folder below that is left out.
        options: what the configuration states about labels.
        summary: counts what labels there are.
    """

    def __init__(
        self,
        folder: Path,
        extensions: Sequence[str],
        excluded: Path | None = None,
        options: LabelOptions | None = None,
        summary: LabelSummary | None = None,
    ) -> None:
        if excluded and not excluded.resolve().is_relative_to(folder.resolve()):
            excluded = None
        self.folder = folder
        self.options = options or LabelOptions()
        self.summary = LabelSummary() if summary is None else summary
        self._bounds = FolderBounds(folder)
        self._walk = FolderWalk(folder, excluded)
        self._listed: dict[str, Listed] = {}
        self._files: dict[str, LabelFiles] = {}  # of recordings that have any
        for key, files in find_audio(self._walk, extensions, self.options.folder):
            self._listed[key] = None
            if files:
                self._files[key] = files
        self._side = SideFiles(folder, self._files.values(), self.options, self.summary)
        if self.options.format in (None, "table"):
            ListedRows(self._bounds, self._listed, self._walk.linked, extensions, excluded).read()

    def read(self) -> Iterator[StatedRecording]:
        """Yield all recordings, sorted by path, including unusable ones; once.

        A manifest may have millions of rows, so rows wait in few bytes each until all can be sorted.
        """
        # A broken link stands for an unknown number of recordings.
        lost = {path.relative_to(self.folder).as_posix(): path for path in self._walk.lost}
        for key in sorted([*self._listed, *(lost.keys() - self._listed.keys())]):
            listed = self._listed.pop(key, None)
            if isinstance(listed, StatedRecording):
                yield listed
            elif isinstance(listed, list):
                rows = [unpacked_row(self.folder / key, row) for row in listed]
                yield from self._named(key, "the table", sorted(rows, key=lambda row: row.start))
            elif listed is not None:
                yield from self._labelled(key, unpacked_row(self.folder / key, listed))
            elif key in lost:
                audio = UnusableAudio(self._walk.lost[lost[key]], lost[key])
                yield StatedRecording(Recording(key, audio))
            else:
                yield from self._unlisted(key)

    def _unlisted(self, key: str) -> Iterator[StatedRecording]:
        """Yield recordings that no manifest lists; a link out of the folder is unusable."""
        path = self.folder / key
        try:
            if key in self._walk.linked:
                self._bounds.id_of(key)
        except AudioError as error:
            yield StatedRecording(Recording(key, UnusableAudio(str(error), path)))
            return
        yield from self._labelled(key, LabelledSegment(path))

    def _labelled(self, key: str, row: LabelledSegment) -> Iterator[StatedRecording]:
        """Yield recordings with their labels: the manifest's, else those beside the file, else none."""
        source, segments = "the table", [row]
        if not (row.phonemes or row.text):
            files = self._files.get(key, _NO_LABELS)
            try:
                source, found = self._side.source_of(files), self._side.segments(row.audio, files)
            except AudioError as error:
                audio = UnusableAudio(str(error), row.audio)
                yield StatedRecording(Recording(key, audio, speaker=row.speaker), row.split)
                return
            segments = [
                segment._replace(
                    speaker=row.speaker or segment.speaker, split=row.split, attributes=row.attributes
                )
                for segment in found
            ]
        yield from self._named(key, source, segments)

    def _named(self, key: str, source: str, segments: Sequence[LabelledSegment]) -> Iterator[StatedRecording]:
        recordings = recordings_of(key, segments, self.options.speaker_from)
        for recording, segment in zip(recordings, segments, strict=True):
            self.summary.add(recording.id, source, segment)
            yield StatedRecording(recording, segment.split)


def find_audio(
    walk: FolderWalk, extensions: Sequence[str], label_folder: Path | None = None
) -> Iterator[tuple[str, LabelFiles]]:
    """Yield the id of each audio file below a folder, except hidden ones, with its label files by suffix.

    The id is the path below the folder, with forward slashes. Label files lie beside the audio, or at the
    same place below ``label_folder``.
    """
    suffixes = tuple(extensions)
    for here, names in walk:
        place = here.relative_to(walk.root).as_posix()
        prefix = "" if place == "." else f"{place}/"
        labels_in = here if label_folder is None else on_disk(label_folder / place)
        beside = _by_spelling(labels_in, names if label_folder is None else _names_in(labels_in))
        for name in names:
            if name.lower().endswith(suffixes) and not name.startswith("."):
                yield prefix + name, _label_files(name, beside) if beside else _NO_LABELS


def label_files_of(path: Path, label_folder: Path | None = None) -> LabelFiles:
    """Return the label files of one audio file by suffix: beside it, or in a folder."""
    place = on_disk(label_folder) if label_folder else path.parent
    return _label_files(path.name, _by_spelling(place, _names_in(place)))


def _names_in(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []


def _by_spelling(folder: Path, names: Iterable[str]) -> LabelFiles:
    """Return the label files among names, by name and by the name without case and decomposed accents."""
    labels = [name for name in names if name.lower().endswith(SIDE_SUFFIXES)]
    plain = {composed(name.lower()): folder / name for name in labels}
    return plain | {name: folder / name for name in labels}


def _label_files(name: str, beside: LabelFiles) -> LabelFiles:
    """Return the label files beside an audio file by suffix; neither case nor decomposed accents matter."""
    stem = os.path.splitext(name)[0]
    plain = composed(stem.lower())
    found = {suffix: beside.get(stem + suffix) or beside.get(plain + suffix) for suffix in SIDE_SUFFIXES}
    return {suffix: path for suffix, path in found.items() if path} or _NO_LABELS


def suffixes_in(folder: Path) -> str:
    """Return the suffixes in a folder and their numbers, for a message."""
    names = (name for _, _, names in os.walk(folder) for name in names if not name.startswith("."))
    counts = Counter(Path(name).suffix.lower() or "no extension" for name in names)
    return ", ".join(f"{suffix} ({count})" for suffix, count in counts.most_common(_EXAMPLES))
