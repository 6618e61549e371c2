"""Audio files of any format that libsndfile reads → mono samples at one sampling rate."""

import io
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from dataset_modules.recording import AudioError, AudioSource, Clip
from dataset_modules.sources.audio_reader import AudioReader, opened

PCM_SCALE = 32767.0


def read_clip(audio: Path | AudioSource, max_seconds: float | None = None) -> Clip:
    """Read a file or a source; raise ``AudioError`` with the reason if that fails.

    A file longer than ``max_seconds`` is refused before it is decoded or, if its header lacks the length,
    as soon as so much was decoded.
    """
    return read_file(audio, max_seconds) if isinstance(audio, Path) else audio.read()


def read_file(file: Path | io.BytesIO, max_seconds: float | None = None) -> Clip:
    """Decode an audio file, on disk or in memory, with libsndfile (wav, flac, ogg, opus, mp3)."""
    with opened(file, f"{file}: " if isinstance(file, Path) else "") as audio:
        stated = audio.seconds
        if stated is not None and (max_seconds is None or stated <= max_seconds):
            return Clip(audio.whole(), audio.sampling_rate)
        if stated is not None and audio.counts_frames:
            check_longest(stated, max_seconds)
        return Clip(_read_to_end(audio, max_seconds), audio.sampling_rate)


def _read_to_end(audio: AudioReader, max_seconds: float | None) -> NDArray[np.float32]:
    """Decode a file of unknown length; raise ``AudioError`` as soon as it is too long."""
    blocks: list[NDArray[np.float32]] = []
    num_frames = 0
    for block in audio.blocks():
        blocks.append(block)
        num_frames += len(block)
        if max_seconds is not None and num_frames > max_seconds * audio.sampling_rate:
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
