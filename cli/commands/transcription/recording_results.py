"""Results of recordings go onto standard output, or into a folder, one file each."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal

from dataset_modules.sources.annotations.side_files import SIDE_SUFFIXES
from durable_files import write_durably
from experiment.errors import ConfigError
from inference.formats import Format, Result
from untrusted.printing import printable_lines
from wording import number_of

if TYPE_CHECKING:
    from cli.commands.transcription.recordings import NamedRecording

_EXAMPLES = 3  # of files in a message


class RecordingResults(Generic[Result]):
    """Writes results into a folder, or, where it is None, onto standard output.

    It refuses early what could not be written, or would replace a file.
    """

    def __init__(
        self,
        recordings: Sequence["NamedRecording"],
        form_name: str,
        form: Format[Result],
        folder: Path | None,
        *,
        overwrite: bool,
        label_folder: Path | Literal["beside"] | None = None,  # where labels are read, which must stay
    ) -> None:
        self._form, self._folder = form, folder
        self._header = form.header
        self._is_named = len(recordings) > 1
        self._num_recordings, self._num_written = len(recordings), 0
        if folder is None:
            if len(recordings) > 1 and not self._form.joins:
                raise ConfigError(
                    f"--format {form_name} of {len(recordings)} recordings makes a file each, which "
                    "standard output cannot hold; name a folder with --output FOLDER"
                )
            return
        paths = [self._path(recording.result) for recording in recordings]
        if label_folder is not None:
            _check_labels_stay(recordings, paths, label_folder)
        prepare_files(folder, paths, overwrite=overwrite)

    def write(self, result: Result, path: Path) -> None:
        """Write one result; on standard output, a text of many recordings follows their names."""
        self._num_written += 1
        if self._folder is not None:
            write_durably(self._path(path), self._form.header + self._form.write(result))
            return
        write = self._form.write_named if self._is_named and self._form.write_named else self._form.write
        # Symbols and names come from data; JSON has escaped them in its own way.
        sys.stdout.write(printable_lines(self._header + write(result)))
        self._header = ""
        sys.stdout.flush()

    def summary(self) -> str:
        """Return how many recordings have a result, and the folder that holds them."""
        return f"{self._num_written} of {number_of(self._num_recordings, 'recording')}, in {self._folder}"

    def _path(self, result: Path) -> Path:
        return Path(self._folder or ".") / result.with_name(result.name + self._form.suffix)


def _check_labels_stay(
    recordings: Sequence["NamedRecording"], paths: Sequence[Path], folder: Path | Literal["beside"]
) -> None:
    """Refuse to replace files that may be labels of the recordings, also where results may be replaced."""
    for recording, path in zip(recordings, paths, strict=True):
        beside = getattr(recording.audio, "path", Path()).parent
        source = beside if folder == "beside" else Path(folder) / recording.result.parent
        is_label = path.suffix.lower() in SIDE_SUFFIXES and path.is_file()
        if is_label and source.resolve() == path.parent.resolve():
            raise ConfigError(
                f"--output must not replace labels, also not by --overwrite: {path} lies where they are "
                "read; name another folder"
            )


def prepare_files(folder: Path, paths: Sequence[Path], *, overwrite: bool, option: str = "--output") -> None:
    """Create the folders of results before any work is done; refuse to replace files."""
    if not overwrite:
        _check_free(paths, option)
    _make_folders([folder, *(path.parent for path in paths)], option)


def _check_free(paths: Sequence[Path], option: str) -> None:
    """Refuse to replace files: they may be references, or corrected by hand."""
    taken = [path for path in paths if path.exists()]
    if taken:
        named = ", ".join(map(str, taken[:_EXAMPLES])) + (", …" if len(taken) > _EXAMPLES else "")
        raise ConfigError(
            f"{option} must not hold results already, {len(taken)} of {len(paths)} files are "
            f"there: {named}; name another folder, or add --overwrite, which replaces them"
        )


def _make_folders(folders: Sequence[Path], option: str) -> None:
    for folder in dict.fromkeys(folders):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{option} must be a folder, {folder} cannot be one: {error.strerror}"
            ) from error
