"""Audio files of any format that libsndfile reads → mono samples at one sampling rate."""

import io
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from dataset_modules.cache.open_files import is_shortage
from dataset_modules.recording import AudioError, AudioSource, Clip

PCM_SCALE = 32767.0
_CUT_SHARE = 0.9  # an mp3 with fewer of its header's frames was cut
_HEADER_BYTES = 1 << 18  # tags with pictures may stand before an mp3's header
_UNSTATED_FRAMES = 1 << 62  # a FLAC file from a pipe: libsndfile returns 2⁶³ - 1
_BLOCK_FRAMES = 1 << 17  # decoded at once if the length is unknown
# TypeError: audio without a header; ValueError: a name that no file can have.
_UNDECODABLE = (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError)


def read_clip(audio: Path | AudioSource, max_seconds: float | None = None) -> Clip:
    """Read a file or a source; raise ``AudioError`` with the reason if that fails.

    A file longer than ``max_seconds`` is refused before it is decoded or, if its header lacks the length,
    as soon as so much was decoded.
    """
    return read_file(audio, max_seconds) if isinstance(audio, Path) else audio.read()


def read_file(file: Path | io.BytesIO, max_seconds: float | None = None) -> Clip:
    """Decode an audio file, on disk or in memory, with libsndfile (wav, flac, ogg, opus, mp3)."""
    name = f"{file}: " if isinstance(file, Path) else ""
    try:
        if isinstance(file, Path) and not file.is_file():
            raise AudioError(f"{name}no such file")
        if isinstance(file, Path) and file.stat().st_size == 0:
            raise AudioError(f"{name}the file is empty")
        return _decode(file, name, max_seconds)
    except (AudioError, MemoryError):
        raise
    except _UNDECODABLE as error:
        if isinstance(file, Path):
            _raise_shortage(file, error)
        raise AudioError(f"{name}cannot be decoded: {error}") from error


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


class _Stream(soundfile.SoundFile):
    """A file that is read once, from its beginning.

    soundfile seeks after each read if it can; that fails at the end of a FLAC file without a length, and
    loses the samples.
    """

    def seekable(self) -> bool:
        """Return False."""
        return False


def _decode(file: Path | io.BytesIO, name: str, max_seconds: float | None) -> Clip:
    with _Stream(file) as stream:
        rate, stated = int(stream.samplerate), stream.frames / stream.samplerate
        if stream.frames < _UNSTATED_FRAMES and (max_seconds is None or stated <= max_seconds):
            waveform = stream.read(stream.frames, dtype="float32")
            _check_not_cut(file, name, stream, len(waveform))
            return Clip(waveform, rate)
        if stream.frames < _UNSTATED_FRAMES and _counts_frames(file, stream):
            check_longest(stated, max_seconds)
        return Clip(_read_to_end(stream, max_seconds), rate)


def _read_to_end(stream: soundfile.SoundFile, max_seconds: float | None) -> NDArray[np.float32]:
    """Decode a file of unknown length; raise ``AudioError`` as soon as it is too long."""
    blocks: list[NDArray[np.float32]] = []
    num_frames = 0
    while not blocks or len(blocks[-1]) == _BLOCK_FRAMES:
        blocks.append(stream.read(_BLOCK_FRAMES, dtype="float32"))
        num_frames += len(blocks[-1])
        if max_seconds is not None and num_frames > max_seconds * stream.samplerate:
            raise AudioError(f"must last max_seconds={max_seconds} at most, lasts longer")
    return np.concatenate(blocks)


def check_longest(seconds: float, max_seconds: float | None) -> None:
    """Raise ``AudioError`` for audio that is too long.

    >>> check_longest(600.0, max_seconds=30.0)
    Traceback (most recent call last):
    dataset_modules.recording.AudioError: must last max_seconds=30.0 at most, lasts 600.000
    """
    if max_seconds is not None and seconds > max_seconds:
        raise AudioError(f"must last max_seconds={max_seconds} at most, lasts {seconds:.3f}")


def _check_not_cut(file: Path | io.BytesIO, name: str, stream: soundfile.SoundFile, num_frames: int) -> None:
    """Raise ``AudioError`` for an mp3 whose end is missing, because its label is longer than its audio."""
    if num_frames < _CUT_SHARE * stream.frames and stream.format == "MP3" and _counts_frames(file, stream):
        there, stated = num_frames / stream.samplerate, stream.frames / stream.samplerate
        raise AudioError(f"{name}the file is cut: {there:.3f} of {stated:.3f} seconds are there")


def _counts_frames(file: Path | io.BytesIO, stream: soundfile.SoundFile) -> bool:
    """Return whether a file states its length; libsndfile estimates it for an mp3 without such a header."""
    if stream.format != "MP3":
        return True
    if isinstance(file, io.BytesIO):
        header = file.getbuffer()[:_HEADER_BYTES].tobytes()
    else:
        with file.open("rb") as content:
            header = content.read(_HEADER_BYTES)
    return b"Xing" in header or b"Info" in header


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
