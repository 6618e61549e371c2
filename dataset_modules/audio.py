"""Reading recordings: any format libsndfile knows, any rate, any number of channels → mono at one rate."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from dataset_modules.recording import AudioError, AudioSource, Clip

PCM_SCALE = 32767.0


def read_clip(audio: Path | AudioSource) -> Clip:
    """Read a file, or ask a source; ``AudioError`` says why it cannot be had."""
    return read_file(audio) if isinstance(audio, Path) else audio.read()


def read_file(path: Path) -> Clip:
    """Decode one audio file with libsndfile (wav, flac, ogg, opus, mp3)."""
    if not path.is_file():
        raise AudioError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty")
    try:
        waveform, sampling_rate = soundfile.read(path, dtype="float32")
    except (soundfile.SoundFileError, RuntimeError, TypeError) as error:  # TypeError: headerless audio
        raise AudioError(f"{path}: cannot be decoded: {error}") from error
    return Clip(waveform, int(sampling_rate))


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


def to_pcm16(waveform: NDArray[np.float32]) -> NDArray[np.int16]:
    """Quantise to 16 bits; what lies outside -1…1 is clipped.

    >>> to_pcm16(np.array([0.0, 1.0, -2.0], dtype=np.float32)).tolist()
    [0, 32767, -32767]
    """
    return np.rint(np.clip(waveform, -1.0, 1.0) * PCM_SCALE).astype(np.int16)


def from_pcm16(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """The inverse of ``to_pcm16`` up to rounding."""
    return samples.astype(np.float32) / np.float32(PCM_SCALE)
