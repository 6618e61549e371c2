"""Recordings as a command names them: files, folders, standard input."""

import logging
import re
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from dataset_modules.sources.annotations.side_files import SIDE_SUFFIXES
from experiment.errors import ConfigError
from inference.streaming.audio_stream import AudioFile, ClipAudio, spooled
from untrusted.printing import printable
from wording import number_of

log = logging.getLogger(__name__)

STANDARD_STREAM = "-"
AUDIO_SUFFIXES = (".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".w64", ".wav")
_EXAMPLES = 5  # suffixes in a message
_TABLES = (".csv", ".tsv", ".jsonl", ".json", ".textgrid", ".eaf", ".scp")
_UNDECODABLE = re.compile("[\ud800-\udfff]")  # bytes of a file name that are no UTF-8 arrive as these


class NamedRecording(NamedTuple):
    """A recording, and where its result lies in a folder of results, without a suffix."""

    audio: AudioFile | ClipAudio
    result: Path


def find_recordings(
    names: Sequence[str], stack: ExitStack, command: str = "transcribe"
) -> list[NamedRecording]:
    """Find the recordings of files, folders and ``-`` in their order; a folder's, at any depth, by name.

    The stack closes the file that standard input is put into.
    """
    found: list[NamedRecording] = []
    for name in names:
        if name == STANDARD_STREAM:
            if sys.stdin.isatty():
                raise ConfigError("transcribe: - reads a recording from standard input, that is a terminal")
            file = stack.enter_context(spooled(sys.stdin.buffer))
            found.append(NamedRecording(AudioFile(Path(file.name), "stdin"), Path("stdin")))
        else:
            found += _on_disk(Path(name), command)
    return with_results_apart(found)


def _on_disk(path: Path, command: str) -> list[NamedRecording]:
    if path.is_dir():
        files = _recordings_in(path, command)
        return [NamedRecording(audio_file(file), file.relative_to(path).with_suffix("")) for file in files]
    if not path.exists():
        raise ConfigError(f"{command}: {printable(path)} must be a file or a folder, it is not there")
    if not path.is_file():
        raise ConfigError(
            f"{command}: {printable(path)} must be a file or a folder, it is a pipe or a device; "
            f"pass it on standard input: - < {printable(path)}"
        )
    if path.suffix.lower() in _TABLES:
        raise ConfigError(
            f"{command}: {printable(path)} must be a recording, it is a table or holds labels; give the "
            f"folder of the recordings (transcribe --clips takes the clips of a table or of labels)"
        )
    # Of a name such as ..wav nothing is left without its suffix.
    return [NamedRecording(audio_file(path), Path(path.stem if path.stem.strip(".") else f"{path.name}_"))]


def _recordings_in(folder: Path, command: str) -> list[Path]:
    """List a folder's recordings by name, without hidden files; log how many other files there are."""
    # Systems leave files such as ._a.wav beside a.wav: they are no audio.
    hidden = re.compile(r"(^|/)\.")
    paths = (path for path in folder.rglob("*") if not hidden.search(path.relative_to(folder).as_posix()))
    files = sorted(filter(Path.is_file, paths))
    recordings = [file for file in files if file.suffix.lower() in AUDIO_SUFFIXES]
    if not recordings:
        raise ConfigError(
            f"{command}: {folder} must hold recordings ({' '.join(AUDIO_SUFFIXES)}), it holds none"
        )
    read = AUDIO_SUFFIXES if command == "transcribe" else (*AUDIO_SUFFIXES, *SIDE_SUFFIXES)
    if others := [file.suffix.lower() for file in files if file.suffix.lower() not in read]:
        number = number_of(len(others), "other file")
        log.info("%s: %s: %s passed over (%s)", command, folder, number, _kinds_of_files(others))
    return recordings


def _kinds_of_files(suffixes: Sequence[str]) -> str:
    """Name the most frequent suffixes.

    >>> _kinds_of_files([".txt", ".m4a", ".m4a", ""])
    '.m4a .txt, no suffix'
    """
    kinds = [kind for kind, _ in Counter(suffixes).most_common()]
    named = [kind for kind in kinds if kind]
    listed = " ".join(named[:_EXAMPLES]) + (" …" if len(named) > _EXAMPLES else "")
    return ", ".join(filter(None, [listed, "no suffix" if "" in kinds else ""]))


def audio_file(path: Path) -> AudioFile:
    """Name a file so that any output can hold the name; its path stays as the disk has it."""
    return AudioFile(path, _UNDECODABLE.sub("\N{REPLACEMENT CHARACTER}", str(path)))


def with_results_apart(recordings: Sequence[NamedRecording]) -> list[NamedRecording]:
    """Number equal results: ``a.wav`` and ``a.mp3``, or two folders' ``a.wav``, need a file each."""
    taken: set[Path] = set()
    apart: list[NamedRecording] = []
    for recording in recordings:
        result, number = recording.result, 1
        while result in taken:
            number += 1
            result = recording.result.with_name(f"{recording.result.name}_{number}")
        taken.add(result)
        apart.append(recording._replace(result=result))
    return apart
