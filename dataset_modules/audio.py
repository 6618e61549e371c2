"""Reading recordings: any format libsndfile knows, any rate, any number of channels → mono at one rate."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from dataset_modules.recording import AudioError, AudioSource, Clip

PCM_SCALE = 32767.0
_CUT_SHARE = 0.9  # an mp3 that yields less than this of what its own header counts was cut
_HEADER_BYTES = 1 << 18  # tags with pictures may stand before an mp3's header


def read_clip(audio: Path | AudioSource, max_seconds: float | None = None) -> Clip:
    """Read a file, or ask a source; ``AudioError`` says why it cannot be had.

    A file that lasts longer than ``max_seconds`` is refused before it is decoded.
    """
    return read_file(audio, max_seconds) if isinstance(audio, Path) else audio.read()


def read_file(path: Path, max_seconds: float | None = None) -> Clip:
    """Decode one audio file with libsndfile (wav, flac, ogg, opus, mp3)."""
    try:
        if not path.is_file():
            raise AudioError(f"{path}: no such file")
        if path.stat().st_size == 0:
            raise AudioError(f"{path}: the file is empty")
        with soundfile.SoundFile(path) as stream:
            check_longest(stream.frames / stream.samplerate, max_seconds)
            waveform = stream.read(dtype="float32")
            _check_not_cut(path, stream, len(waveform))
            return Clip(waveform, int(stream.samplerate))
    except (AudioError, MemoryError):
        raise
    # TypeError: headerless audio; ValueError: a name that no file can have.
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise AudioError(f"{path}: cannot be decoded: {error}") from error


def check_longest(seconds: float, max_seconds: float | None) -> None:
    """Refuse what lasts too long.

    >>> check_longest(600.0, max_seconds=30.0)
    Traceback (most recent call last):
    dataset_modules.recording.AudioError: must last max_seconds=30.0 at most, lasts 600.000
    """
    if max_seconds is not None and seconds > max_seconds:
        raise AudioError(f"must last max_seconds={max_seconds} at most, lasts {seconds:.3f}")


def _check_not_cut(path: Path, stream: soundfile.SoundFile, num_frames: int) -> None:
    """Refuse an mp3 whose end is missing: its labels speak of more than can be heard.

    Only a file that counts its frames is judged; for others libsndfile estimates their number.
    """
    if num_frames >= _CUT_SHARE * stream.frames or stream.format != "MP3":
        return
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if b"Xing" in header or b"Info" in header:
        there, stated = num_frames / stream.samplerate, stream.frames / stream.samplerate
        raise AudioError(f"{path}: the file is cut: {there:.3f} of {stated:.3f} seconds are there")


def to_mono(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mix channels down.

    >>> to_mono(np.array([[1.0, 0.0], [0.0, 0.0]], dtype=np.float32)).tolist()
    [0.5, 0.0]
    """
    return waveform if waveform.ndim == 1 else waveform.mean(axis=1, dtype=np.float32)


def resample(waveform: NDArray[np.float32], source_rate: int, target_rate: int) -> NDArray[np.float32]:
    """Bring a mono waveform to another sampling rate."""
    if source_rate == target_rate:
        return waveform
    return np.asarray(soxr.resample(waveform, source_rate, target_rate, quality="HQ"), dtype=np.float32)


def to_pcm16(waveform: NDArray[np.float32], peak: float | None = None) -> NDArray[np.int16]:
    """Quantise to 16 bits; what lies outside -1…1 is clipped.

    Args:
        waveform: (T,) or (T, channels).
        peak: the largest sample's size, where it is known: looking for what to clip takes time.

    >>> to_pcm16(np.array([0.0, 1.0, -2.0], dtype=np.float32)).tolist()
    [0, 32767, -32767]
    """
    scaled = waveform * np.float32(PCM_SCALE)
    if peak is None or peak > 1.0:
        np.clip(scaled, -PCM_SCALE, PCM_SCALE, out=scaled)
    return np.rint(scaled, out=scaled).astype(np.int16)


def from_pcm16(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """The inverse of ``to_pcm16`` up to rounding."""
    return samples.astype(np.float32) / np.float32(PCM_SCALE)
