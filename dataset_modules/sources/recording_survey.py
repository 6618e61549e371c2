"""The number and the fingerprint of a split's recordings, computed without keeping them in memory."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import NamedTuple

from dataset_modules.recording import EXPECTED, Recording, needs_phonemes, said_in
from stop_signals import stop_if_requested

_AUDIO = Recording._fields.index("audio")


class RecordingSurvey(NamedTuple):
    """What one pass over the recordings finds."""

    num_recordings: int
    digest: str  # of everything that determines the prepared clips, apart from the settings
    languages_of_texts: frozenset[str | None] = frozenset()  # of recordings without phonemes


class StatedRecordings:
    """The recordings of a split, requested again for every iteration, with a default language."""

    def __init__(self, getter: Callable[[], Iterable[Recording]], language: str | None) -> None:
        self._getter = getter
        self._language = language

    def __iter__(self) -> Iterator[Recording]:
        for recording in self._getter():
            stop_if_requested()
            is_stated = recording.language or recording.language == self._language
            yield recording if is_stated else recording._replace(language=self._language)


def survey(recordings: Iterable[Recording]) -> RecordingSurvey:
    """Survey each recording once; a file's path, size and modification time represent its content."""
    digest, count = hashlib.sha256(), 0
    languages: set[str | None] = set()
    for recording in recordings:
        if needs_phonemes(recording):
            languages.add(recording.language)
        fields = (*recording[:_AUDIO], *recording[_AUDIO + 1 :], _audio_identity(recording))
        if said_in(recording):  # caches of version 0.1 hold other labels of these
            fields = (*fields, EXPECTED)
        digest.update(f"[{', '.join(map(encode_basestring_ascii, map(str, fields)))}]".encode())
        count += 1
    return RecordingSurvey(count, digest.hexdigest(), frozenset(languages))


def _audio_identity(recording: Recording) -> str:
    audio = recording.audio
    return file_stamp(audio) if isinstance(audio, Path) else audio.fingerprint()


def file_stamp(path: Path) -> str:
    """Return a text that changes with a file: its path, size and modification time."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return f"{path} missing"
    return f"{path} {status.st_size} {status.st_mtime_ns}"
