"""What is known of a split's recordings without keeping them: how many there are, and their fingerprint."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dataset_modules.recording import Recording

_AUDIO = Recording._fields.index("audio")


class RecordingSurvey(NamedTuple):
    """The number of recordings, and a hash over everything in them that decides what is prepared."""

    num_recordings: int
    digest: str


class StatedRecordings:
    """The recordings of a split, asked for anew in every pass, with a language where they state none."""

    def __init__(self, getter: Callable[[], Iterable[Recording]], language: str | None) -> None:
        self._getter = getter
        self._language = language

    def __iter__(self) -> Iterator[Recording]:
        for recording in self._getter():
            yield recording if recording.language else recording._replace(language=self._language)


def survey(recordings: Iterable[Recording]) -> RecordingSurvey:
    """Look at each recording once; of a file, its path, size and time of change stand for its content."""
    digest, count = hashlib.sha256(), 0
    for recording in recordings:
        fields = (*recording[:_AUDIO], *recording[_AUDIO + 1 :], _audio_identity(recording))
        digest.update(json.dumps([str(value) for value in fields]).encode())
        count += 1
    return RecordingSurvey(count, digest.hexdigest())


def _audio_identity(recording: Recording) -> str:
    if not isinstance(recording.audio, Path):
        return recording.audio.fingerprint()
    path = str(recording.audio)
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return f"{path} missing"
    return f"{path} {status.st_size} {status.st_mtime_ns}"
