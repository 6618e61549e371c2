"""What the header of an audio file states: whether it may be decoded, and how long it lasts."""

import os
from pathlib import Path
from typing import NamedTuple

import soundfile

from dataset_modules.recording import AudioError
from untrusted.printing import printable
from untrusted.wav_header import with_unstated_length

LOWEST_RATE, HIGHEST_RATE = 1000, 768_000  # samples per second of a recording of speech
MOST_CHANNELS = 256
UNSTATED_FRAMES = 1 << 62  # a FLAC file from a pipe: libsndfile returns 2⁶³ - 1
# TypeError: audio without a header; ValueError: a name that no file can have.
UNDECODABLE = (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError)


class AudioHeader(NamedTuple):
    """The length and the sampling rate that a file states."""

    seconds: float
    sampling_rate: int


def read_header(path: Path) -> AudioHeader:
    """Read the header of a regular file; raise ``AudioError`` where there is none that can be used."""
    name = f"{printable(path)}: "
    try:
        if not path.is_file():  # a pipe would block
            raise AudioError(f"{name}no such file")
        info = soundfile.info(with_unstated_length(path) or openable(path))
    except AudioError:
        raise
    except UNDECODABLE as error:
        raise AudioError(f"{name}cannot be decoded: {error}") from error
    check_header(name, info.samplerate, info.channels)
    return AudioHeader(float(info.frames / info.samplerate), int(info.samplerate))


def check_header(name: str, sampling_rate: int, channels: int) -> None:
    """Raise ``AudioError``, beginning with ``name``, for numbers that no recording of speech has.

    >>> check_header("a.wav: ", sampling_rate=1, channels=2)
    Traceback (most recent call last):
    dataset_modules.recording.AudioError: a.wav: must have between 1000 and 768000 samples per second and \
up to 256 channels, states 1 and 2
    """
    if not LOWEST_RATE <= sampling_rate <= HIGHEST_RATE or channels > MOST_CHANNELS:
        raise AudioError(
            f"{name}must have between {LOWEST_RATE} and {HIGHEST_RATE} samples per second and up to "
            f"{MOST_CHANNELS} channels, states {sampling_rate} and {channels}"
        )


def openable(path: Path) -> str | bytes:
    """Convert a path for soundfile, which cannot encode names that are not UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return "./-" if str(path) == "-" else str(path)  # libsndfile takes - for standard input
