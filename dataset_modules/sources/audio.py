"""Audio files of any format that libsndfile reads → mono samples at one sampling rate.

Training and transcription read files by one reader. A file that came through a pipe may not state its length,
so the reader goes on until nothing is left.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from dataset_modules.cache.open_files import is_shortage
from dataset_modules.recording import AudioError, AudioSource, Clip
from dataset_modules.sources.annotations.audio_header import (
    UNDECODABLE,
    UNSTATED_FRAMES,
    check_header,
    openable,
)
from dataset_modules.sources.annotations.audio_part import AudioPart
from untrusted.wav_header import with_unstated_length

PCM_SCALE = 32767.0
BLOCK_FRAMES = 1 << 17
_MOST_AT_ONCE = 1 << 28  # samples; a header may state more than the file has
_CUT_SHARE = 0.9  # an mp3 with fewer of its header's frames was cut
_HEADER_BYTES = 1 << 18  # tags with pictures may stand before an mp3's header


def read_clip(audio: Path | AudioSource, max_seconds: float | None = None) -> Clip:
    """Read a file or a source; raise ``AudioError`` with the reason if that fails.

    A file longer than ``max_seconds`` is refused before it is decoded or, if its header lacks the length,
    as soon as so much was decoded.
    """
    if isinstance(audio, Path):
        return read_file(audio, max_seconds)
    if not isinstance(audio, AudioPart):
        return audio.read()
    if audio.end is not None:
        check_longest(audio.end - audio.start, max_seconds)
    clip = audio.read(max_seconds)
    _refuse_more(len(clip.waveform), clip.sampling_rate, max_seconds)
    return clip


def read_file(file: Path | io.BytesIO, max_seconds: float | None = None) -> Clip:
    """Decode an audio file, on disk or in memory, with libsndfile (wav, flac, ogg, opus, mp3)."""
    with opened(file, f"{file}: " if isinstance(file, Path) else "") as audio:
        stated = audio.seconds
        if stated is not None and not audio.states_much and (max_seconds is None or stated <= max_seconds):
            return Clip(audio.whole(), audio.sampling_rate)
        if stated is not None and audio.counts_frames:
            check_longest(stated, max_seconds)
        return Clip(_read_to_end(audio, max_seconds), audio.sampling_rate)


def _read_to_end(audio: "AudioReader", max_seconds: float | None) -> NDArray[np.float32]:
    """Decode a file of unknown length; raise ``AudioError`` as soon as it is too long."""
    blocks: list[NDArray[np.float32]] = []
    num_frames = 0
    for block in audio.blocks():
        blocks.append(block)
        num_frames += len(block)
        _refuse_more(num_frames, audio.sampling_rate, max_seconds)
    return np.concatenate(blocks)


def _refuse_more(num_frames: int, sampling_rate: int, max_seconds: float | None) -> None:
    if max_seconds is not None and num_frames > max_seconds * sampling_rate:
        raise AudioError(f"must last max_seconds={max_seconds} at most, lasts longer")


def check_longest(seconds: float, max_seconds: float | None) -> None:
    """Raise ``AudioError`` for audio that is too long.

    >>> check_longest(600.0, max_seconds=30.0)
    Traceback (most recent call last):
    dataset_modules.recording.AudioError: must last max_seconds=30.0 at most, lasts 600.000
    """
    if max_seconds is not None and seconds > max_seconds:
        raise AudioError(f"must last max_seconds={max_seconds} at most, lasts {seconds:.3f}")


def to_mono(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the channels, (T,).

    >>> to_mono(np.array([[1.0, 0.0], [0.0, 0.0]], dtype=np.float32)).tolist()
    [0.5, 0.0]
    """
    return waveform if waveform.ndim == 1 else waveform.mean(axis=1, dtype=np.float32)


def resample(waveform: NDArray[np.float32], source_rate: int, target_rate: int) -> NDArray[np.float32]:
    """Convert a mono waveform to another sampling rate."""
    if source_rate == target_rate:
        return waveform
    return np.asarray(soxr.resample(waveform, source_rate, target_rate, quality="HQ"), dtype=np.float32)


def to_pcm16(waveform: NDArray[np.float32], peak: float | None = None) -> NDArray[np.int16]:
    """Quantise to 16 bits; samples outside -1…1 are clipped, unless a known ``peak`` excludes them.

    >>> to_pcm16(np.array([0.0, 1.0, -2.0], dtype=np.float32)).tolist()
    [0, 32767, -32767]
    """
    scaled = waveform * np.float32(PCM_SCALE)
    if peak is None or peak > 1.0:
        np.clip(scaled, -PCM_SCALE, PCM_SCALE, out=scaled)
    return np.rint(scaled, out=scaled).astype(np.int16)


def from_pcm16(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return samples in -1…1, the inverse of ``to_pcm16`` up to rounding."""
    return samples.astype(np.float32) / np.float32(PCM_SCALE)


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
        check_header(name, self.sampling_rate, stream.channels)

    @property
    def states_much(self) -> bool:
        """Whether the header states more samples than are read at once."""
        return self._stream.frames * self._stream.channels > _MOST_AT_ONCE

    @property
    def seconds(self) -> float | None:
        """The duration in the header, which may be an estimate; None where the header lacks it."""
        frames = self._stream.frames
        return frames / self._stream.samplerate if frames < UNSTATED_FRAMES else None

    @property
    def counts_frames(self) -> bool:
        """Whether the file states its length; libsndfile estimates it for an mp3 without such a header."""
        if self._stream.format != "MP3":
            return self._stream.frames < UNSTATED_FRAMES
        if isinstance(self._file, io.BytesIO):
            header = self._file.getbuffer()[:_HEADER_BYTES].tobytes()
        else:
            with self._file.open("rb") as content:
                header = content.read(_HEADER_BYTES)
        return b"Xing" in header or b"Info" in header

    def blocks(self, num_frames: int = BLOCK_FRAMES) -> Iterator[NDArray[np.float32]]:
        """Yield the samples, (T,) or (T, channels), to the end of the file; at least one block."""
        num_frames = max(1, min(num_frames, _MOST_AT_ONCE // self._stream.channels // 16))
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
        with _opened_whole(file) as stream:
            yield AudioReader(stream, file, name)
    except (AudioError, MemoryError):
        raise
    except UNDECODABLE as error:
        if isinstance(file, Path):
            _raise_shortage(file, error)
        # Of libsndfile's error, the reason alone: its prefix shows the object in memory that was read.
        reason = error if isinstance(file, Path) else getattr(error, "error_string", error)
        raise AudioError(f"{name}cannot be decoded: {reason}") from error


def _opened_whole(file: Path | io.BytesIO) -> _Stream:
    """Open a file; one that states no samples is looked at again, because it may have come from a pipe."""
    stream = _Stream(openable(file) if isinstance(file, Path) else file)
    if stream.frames or stream.format not in ("WAV", "WAVEX"):
        return stream
    mended = with_unstated_length(file)
    if mended is None:
        return stream
    stream.close()
    return _Stream(mended)


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
