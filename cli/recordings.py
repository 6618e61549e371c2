"""Recordings as a command names them: files, folders, standard input."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from cli.errors import ConfigError
from inference.audio_stream import AudioFile, spooled

STANDARD_STREAM = "-"
AUDIO_SUFFIXES = (".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".w64", ".wav")


class NamedRecording(NamedTuple):
    """A recording, and where its result lies in a folder of results, without a suffix."""

    audio: AudioFile
    result: Path


def find_recordings(names: Sequence[str], stack: ExitStack) -> list[NamedRecording]:
    """What is named, in that order; a folder's recordings, at any depth, by name.

    Args:
        names: files, folders, or ``-``.
        stack: closes the file that standard input is put into.
    """
    found: list[NamedRecording] = []
    for name in names:
        found += _standard_input(stack) if name == STANDARD_STREAM else _on_disk(Path(name))
    return _with_results_apart(found)


def total_seconds(recordings: Sequence[NamedRecording]) -> float:
    """How long they last by their headers."""
    return sum(recording.audio.seconds() for recording in recordings)


def _standard_input(stack: ExitStack) -> list[NamedRecording]:
    file = stack.enter_context(spooled(sys.stdin.buffer))
    return [NamedRecording(AudioFile(Path(file.name), "stdin"), Path("stdin"))]


def _on_disk(path: Path) -> list[NamedRecording]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in AUDIO_SUFFIXES)
        if not files:
            raise ConfigError(
                f"transcribe: {path} must hold recordings ({' '.join(AUDIO_SUFFIXES)}), it holds none"
            )
        return [
            NamedRecording(AudioFile(file, str(file)), file.relative_to(path).with_suffix(""))
            for file in files
        ]
    if not path.exists():
        raise ConfigError(f"transcribe: {path} must be a file or a folder, it is not there")
    return [NamedRecording(AudioFile(path, str(path)), Path(path.stem))]


def _with_results_apart(recordings: Sequence[NamedRecording]) -> list[NamedRecording]:
    """``a.wav`` and ``a.mp3``, or two folders' ``a.wav``, must not end in one file."""
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
