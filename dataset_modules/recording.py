"""What a data set knows of a recording before it is read, and what reading it gives."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray


class AudioError(ValueError):
    """A recording cannot be used; the message says why."""


class Clip(NamedTuple):
    """Audio in memory, with the phonemes where the source itself knows them."""

    waveform: NDArray[np.float32]  # (T,) or (T, channels)
    sampling_rate: int
    phonemes: tuple[str, ...] | None = None
    phoneme_starts: tuple[float, ...] | None = None  # seconds, one for each phoneme


class AudioSource(Protocol):
    """Audio that is not a file: made, downloaded, cut out of something larger."""

    def fingerprint(self) -> str:
        """Whatever identifies the content; two sources with equal fingerprints give the same clip."""
        ...

    def read(self) -> Clip:
        """Produce the clip; raise ``AudioError`` if there is none."""
        ...


class Recording(NamedTuple):
    """One utterance of a data set. Give ``phonemes``, or ``text`` to be turned into them."""

    id: str
    audio: Path | AudioSource
    phonemes: tuple[str, ...] | None = None
    text: str | None = None
    speaker: str | None = None
    language: str | None = None
    # What else is known of it, by name: accent, age, room … Figures are told apart by it.
    attributes: Mapping[str, str] | None = None


def labels_itself(audio: Path | AudioSource) -> TypeGuard[AudioSource]:
    """Whether reading it may give phonemes; sources that never do may say so as ``labels_itself``.

    >>> labels_itself(Path("clips/a.wav"))
    False
    """
    return not isinstance(audio, Path) and bool(getattr(audio, "labels_itself", True))


class SkippedRecording(NamedTuple):
    """A recording that was left out, and why."""

    id: str
    path: str  # empty where it is no file
    reason: str


def path_of(recording: Recording) -> str:
    """The file of a recording, as far as there is one; sources may name theirs as ``path``.

    >>> path_of(Recording("a", Path("clips/a.wav")))
    'clips/a.wav'
    """
    audio = recording.audio
    return str(audio if isinstance(audio, Path) else getattr(audio, "path", None) or "")
