"""One reader of audio files, for training and for transcription: every format of libsndfile, in blocks.

A file that came through a pipe may not state its length, so the reader goes on until nothing is left.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from dataset_modules.cache.open_files import is_shortage
from dataset_modules.recording import AudioError

BLOCK_FRAMES = 1 << 17
_CUT_SHARE = 0.9  # an mp3 with fewer of its header's frames was cut
_HEADER_BYTES = 1 << 18  # tags with pictures may stand before an mp3's header
_UNSTATED_FRAMES = 1 << 62  # a FLAC file from a pipe: libsndfile returns 2⁶³ - 1
# TypeError: audio without a header; ValueError: a name that no file can have.
_UNDECODABLE = (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError)


class _Stream(soundfile.SoundFile):
    """A file that is read once, from its beginning.

    soundfile seeks after each read if it can; that fails at the end of a FLAC file without a length, and
    loses the samples.
    """

    def seekable(self) -> bool:
        """Return False."""
        return False


class AudioReader:
    """An open audio file, on disk or in memory."""

    def __init__(self, stream: _Stream, file: Path | io.BytesIO, name: str) -> None:
        self._stream, self._file, self._name = stream, file, name
        self.sampling_rate = int(stream.samplerate)

    @property
    def seconds(self) -> float | None:
        """The duration in the header, which may be an estimate; None where the header lacks it."""
        frames = self._stream.frames
        return frames / self._stream.samplerate if frames < _UNSTATED_FRAMES else None

    @property
    def counts_frames(self) -> bool:
        """Whether the file states its length; libsndfile estimates it for an mp3 without such a header."""
        if self._stream.format != "MP3":
            return self._stream.frames < _UNSTATED_FRAMES
        if isinstance(self._file, io.BytesIO):
            header = self._file.getbuffer()[:_HEADER_BYTES].tobytes()
        else:
            with self._file.open("rb") as content:
                header = content.read(_HEADER_BYTES)
        return b"Xing" in header or b"Info" in header

    def blocks(self, num_frames: int = BLOCK_FRAMES) -> Iterator[NDArray[np.float32]]:
        """Yield the samples, (T,) or (T, channels), to the end of the file; at least one block."""
        total, size = 0, num_frames
        while size == num_frames:
            block = self._stream.read(num_frames, dtype="float32")
            size = len(block)
            total += size
            yield block
        self._check_not_cut(total)

    def whole(self) -> NDArray[np.float32]:
        """Return all samples of a file that states its length, in one piece."""
        waveform = self._stream.read(self._stream.frames, dtype="float32")
        self._check_not_cut(len(waveform))
        return waveform

    def _check_not_cut(self, num_frames: int) -> None:
        """Raise ``AudioError`` for an mp3 whose end is missing: its label is longer than its audio."""
        stream = self._stream
        if stream.format != "MP3" or num_frames >= _CUT_SHARE * stream.frames or not self.counts_frames:
            return
        there, stated = num_frames / stream.samplerate, stream.frames / stream.samplerate
        raise AudioError(f"{self._name}the file is cut: {there:.3f} of {stated:.3f} seconds are there")


@contextmanager
def opened(file: Path | io.BytesIO, name: str) -> Iterator[AudioReader]:
    """Open a file; raise ``AudioError``, beginning with ``name``, where it cannot be read to its end."""
    try:
        if isinstance(file, Path) and not file.is_file():
            raise AudioError(f"{name}no such file")
        if isinstance(file, Path) and file.stat().st_size == 0:
            raise AudioError(f"{name}the file is empty")
        with _Stream(_openable(file)) as stream:
            yield AudioReader(stream, file, name)
    except (AudioError, MemoryError):
        raise
    except _UNDECODABLE as error:
        if isinstance(file, Path):
            _raise_shortage(file, error)
        raise AudioError(f"{name}cannot be decoded: {error}") from error


def _openable(file: Path | io.BytesIO) -> str | bytes | io.BytesIO:
    """Convert a path for soundfile, which cannot encode names that are not UTF-8."""
    if isinstance(file, io.BytesIO):
        return file
    try:
        str(file).encode()
    except UnicodeEncodeError:
        return os.fsencode(file)
    return str(file)


def _raise_shortage(path: Path, error: Exception) -> None:
    """Raise the system's error if too many files are open, because this file is intact."""
    if isinstance(error, OSError) and is_shortage(error):
        raise error
    if isinstance(error, soundfile.SoundFileError):  # libsndfile does not pass on the system's error
        try:
            path.open("rb").close()
        except OSError as reason:
            if is_shortage(reason):
                raise
