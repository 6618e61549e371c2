"""Parts of an audio file; reading them in order decodes the file once and holds one part in memory."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import soundfile
from numpy.typing import NDArray

from dataset_modules.recording import AudioError, Clip
from dataset_modules.sources.annotations.audio_header import (
    UNDECODABLE,
    UNSTATED_FRAMES,
    check_header,
    openable,
)
from dataset_modules.sources.recording_survey import file_stamp
from untrusted.printing import printable

BEYOND_SECONDS = 0.05  # times of labels are often rounded beyond the end of the audio
_BLOCK_FRAMES = 1 << 17
# libsndfile finds a sample of these exactly; other formats are decoded up to it.
_EXACTLY_SEEKABLE = frozenset({"AIFF", "AU", "CAF", "FLAC", "RF64", "W64", "WAV", "WAVEX"})

Frames = NDArray[np.float32]  # (T,) or (T, channels)


@dataclass(frozen=True, slots=True)
class AudioPart:
    """The samples of a file from one time to another, in seconds; no end means the end of the file."""

    path: Path
    start: float
    end: float | None = None

    labels_itself: ClassVar[bool] = False

    def fingerprint(self) -> str:
        """Return the file's stamp and the times."""
        return f"part {self.start!r} {self.end!r} {file_stamp(self.path)}"

    def read(self, max_seconds: float | None = None) -> Clip:
        """Return exactly the samples that a cut of the decoded file would have.

        Of a part without an end, a little more than ``max_seconds`` is decoded at most.
        """
        try:
            recording = _open(self.path)
            first, last = recording.frames_of(self.start, self.end)
            most = None if max_seconds is None else int(max_seconds * recording.rate) + 1
            return Clip(recording.between(first, last, most), recording.rate)
        except (AudioError, MemoryError):
            _close()
            raise
        except UNDECODABLE as error:
            _close()
            raise AudioError(f"{printable(self.path)}: cannot be decoded: {error}") from error


class _ForwardStream(soundfile.SoundFile):
    """A file whose reading does not seek; soundfile would seek after every read."""

    def seekable(self) -> bool:
        return False


class _OpenRecording:
    """A file that is decoded forwards; it keeps the samples since the start of the last part."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise AudioError(f"{printable(path)}: no such file")
        self.path = path
        self._start()

    def _start(self) -> None:
        self._stream = _ForwardStream(openable(self.path))
        self.rate = int(self._stream.samplerate)
        check_header(f"{printable(self.path)}: ", self.rate, self._stream.channels)
        self._first = 0  # the frame that the kept samples begin at
        self._kept: Frames = self._stream.read(0, dtype="float32")

    def close(self) -> None:
        self._stream.close()

    def frames_of(self, start: float, end: float | None) -> tuple[int, int | None]:
        """Return the first frame of a part and the one after it."""
        seconds = self._stream.frames / self.rate
        if self._is_exact and max(start, end or 0.0) > seconds + BEYOND_SECONDS:
            raise AudioError(_outside(start, end, seconds))
        return round(start * self.rate), None if end is None else round(end * self.rate)

    def between(self, first: int, last: int | None, most: int | None = None) -> Frames:
        """Return the frames from ``first`` on and before ``last``; without it, all or ``most``."""
        if first < self._first:
            self.close()
            self._start()
        self._skip_to(first)
        self._decode_until(first + most if last is None and most is not None else last)
        found = self._kept[:most] if last is None else self._kept[: last - first]
        missing = 0 if last is None else last - first - len(found)
        if missing > BEYOND_SECONDS * self.rate:
            raise AudioError(_outside(first / self.rate, (last or 0) / self.rate, self._position / self.rate))
        return found.copy()

    @property
    def _is_exact(self) -> bool:
        """Whether the header states the length, and a frame is found without decoding those before it."""
        return self._stream.format in _EXACTLY_SEEKABLE and self._stream.frames < UNSTATED_FRAMES

    @property
    def _position(self) -> int:
        return self._first + len(self._kept)

    def _skip_to(self, first: int) -> None:
        """Drop the kept samples before a frame; decode or seek up to it."""
        if first > self._position and self._is_exact:
            self._stream.seek(first)
            self._kept = self._kept[:0]
        while first > self._position and not self._is_exact:
            self._first, self._kept = self._position, self._read(first - self._position)
            if not len(self._kept):
                raise AudioError(_outside(first / self.rate, None, self._first / self.rate))
        self._kept = self._kept[first - self._first :]
        self._first = first

    def _decode_until(self, last: int | None) -> None:
        blocks = [self._kept]
        position = self._position
        while last is None or position < last:
            block = self._read(_BLOCK_FRAMES if last is None else last - position)
            if not len(block):
                break
            blocks.append(block)
            position += len(block)
        self._kept = np.concatenate(blocks) if len(blocks) > 1 else self._kept

    def _read(self, num_frames: int) -> Frames:
        frames: Frames = self._stream.read(min(num_frames, _BLOCK_FRAMES), dtype="float32")
        return frames


def _outside(start: float, end: float | None, seconds: float) -> str:
    until = "" if end is None else f" to {end:.3f} s"
    return f"its times must lie inside the recording, which lasts {seconds:.3f} s: {start:.3f}{until}"


class _Current(threading.local):
    """The recording that this thread reads; a forked process must not share the file's position."""

    stamp: tuple[int, str] | None = None
    recording: _OpenRecording | None = None


_current = _Current()


def _open(path: Path) -> _OpenRecording:
    stamp = os.getpid(), file_stamp(path)
    if _current.recording is None or _current.stamp != stamp:
        _close()
        _current.recording, _current.stamp = _OpenRecording(path), stamp
    return _current.recording


def _close() -> None:
    if _current.recording is not None:
        _current.recording.close()
    _current.recording = _current.stamp = None
