"""Transcripts go onto standard output, or into a folder, one file each."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from durable_files import write_durably
from experiment.errors import ConfigError
from inference.formats import FORMATS, FormatName, named_text
from untrusted.printing import printable_lines

if TYPE_CHECKING:
    from cli.commands.transcription.recordings import NamedRecording
    from inference import Transcript

_EXAMPLES = 3  # of files in a message


class TranscriptResults:
    """Writes transcripts into a folder, or, where it is None, onto standard output.

    It refuses early what could not be written, or would replace a file.
    """

    def __init__(
        self,
        recordings: Sequence["NamedRecording"],
        form: FormatName,
        folder: Path | None,
        *,
        overwrite: bool,
    ) -> None:
        self._form, self._folder = FORMATS[form], folder
        self._is_named = form == "text" and len(recordings) > 1
        if folder is None:
            if len(recordings) > 1 and not self._form.joins:
                raise ConfigError(
                    f"--format {form} of {len(recordings)} recordings makes a file each, which "
                    "standard output cannot hold; name a folder with --output FOLDER"
                )
            return
        paths = [self._path(recording.result) for recording in recordings]
        if not overwrite:
            _check_free(paths)
        _make_folders([folder, *(path.parent for path in paths)])

    def write(self, transcript: "Transcript", result: Path) -> None:
        """Write one transcript; on standard output, text of many recordings follows their names."""
        if self._folder is not None:
            write_durably(self._path(result), self._form.write(transcript))
            return
        # Symbols and names come from data; JSON has escaped them in its own way.
        written = named_text(transcript) if self._is_named else self._form.write(transcript)
        sys.stdout.write(printable_lines(written))
        sys.stdout.flush()

    def _path(self, result: Path) -> Path:
        return Path(self._folder or ".") / result.with_name(result.name + self._form.suffix)


def _check_free(paths: Sequence[Path]) -> None:
    """Refuse to replace files: they may be references, or corrected by hand."""
    taken = [path for path in paths if path.exists()]
    if taken:
        named = ", ".join(map(str, taken[:_EXAMPLES])) + (", …" if len(taken) > _EXAMPLES else "")
        raise ConfigError(
            f"--output must not hold results already, {len(taken)} of {len(paths)} files are "
            f"there: {named}; name another folder, or add --overwrite"
        )


def _make_folders(folders: Sequence[Path]) -> None:
    """Create the folders before any work is done."""
    for folder in dict.fromkeys(folders):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"--output must be a folder, {folder} cannot be one: {error.strerror}"
            ) from error
