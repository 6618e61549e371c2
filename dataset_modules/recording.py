"""A recording: its description before the audio is read, and the clip that reading gives."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


# Attributes of recordings with annotated errors: the phonemes that were said are the label then, and those
# that should have been said stay beside it.
SAID, EXPECTED = "said_phonemes", "expected_phonemes"


class AudioError(ValueError):
    """A recording cannot be used; the message gives the reason."""


class Clip(NamedTuple):
    """Audio in memory, with its phonemes where the source provides them."""

    waveform: NDArray[np.float32]  # (T,) or (T, channels)
    sampling_rate: int
    phonemes: tuple[str, ...] | None = None
    phoneme_starts: tuple[float, ...] | None = None  # seconds, one for each phoneme


class AudioSource(Protocol):
    """Audio that is not a file: synthesised, downloaded, or part of a larger object."""

    def fingerprint(self) -> str:
        """Return a text that identifies the content: equal fingerprints mean equal clips."""

    def read(self) -> Clip:
        """Return the clip; raise ``AudioError`` if there is none."""


class Recording(NamedTuple):
    """One utterance of a data set. Give ``phonemes``, or a ``text`` that is converted to phonemes."""

    id: str
    audio: Path | AudioSource
    phonemes: tuple[str, ...] | None = None
    text: str | None = None
    speaker: str | None = None
    language: str | None = None
    # Further properties by name, such as accent, age or room. Reports group error rates by them.
    attributes: Mapping[str, str] | None = None


def needs_phonemes(recording: Recording) -> bool:
    """Return whether the label must be made from the text."""
    return recording.phonemes is None and bool(recording.text)


def needing_phonemes(recordings: Iterable[Recording]) -> Iterator[Recording]:
    """Yield the recordings whose labels must be made from their text."""
    return filter(needs_phonemes, recordings)


def said_in(recording: Recording) -> tuple[str, ...] | None:
    """Return the phonemes that were said where the data state them beside what should have been said.

    >>> said_in(Recording("a", Path("a.wav"), text="thick", attributes={"said_phonemes": "s ɪ k"}))
    ('s', 'ɪ', 'k')
    """
    return tuple((recording.attributes or {}).get(SAID, "").split()) or None


def labels_itself(audio: Path | AudioSource) -> TypeGuard[AudioSource]:
    """Return whether reading the audio may give phonemes; a source can deny it by ``labels_itself = False``.

    >>> labels_itself(Path("clips/a.wav"))
    False
    """
    return not isinstance(audio, Path) and bool(getattr(audio, "labels_itself", True))


class UnusableAudio(NamedTuple):
    """An audio source without audio: a data set lists the recording, and preparation counts it as skipped.

    >>> UnusableAudio("the row has 3 columns, the header 9").fingerprint()
    'unusable: the row has 3 columns, the header 9'
    """

    reason: str
    path: Path | None = None  # of the file, if one is known

    def fingerprint(self) -> str:
        """Return the reason, the only content of this source."""
        return f"unusable: {self.reason}"

    def read(self) -> NoReturn:
        """Raise ``AudioError`` with the reason."""
        raise AudioError(self.reason)


class SkippedRecording(NamedTuple):
    """A recording that was left out, and the reason."""

    id: str
    path: str  # empty if the audio is not a file
    reason: str


def path_of(recording: Recording) -> str:
    """Return the file of a recording, or an empty text; a source can name its file as ``path``.

    >>> path_of(Recording("a", Path("clips/a.wav")))
    'clips/a.wav'
    """
    audio = recording.audio
    return str(audio if isinstance(audio, Path) else getattr(audio, "path", None) or "")
