"""Read recordings as mono blocks at the rate of the model: an hour takes no more memory than a minute."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from dataset_modules.recording import AudioError, AudioSource
from dataset_modules.sources.audio import opened, resample, to_mono

BLOCK_SECONDS = 10.0
_COPIED_BYTES, _MOST_STREAM_BYTES = 1 << 20, 4 << 30  # WAV files have no more
Samples = NDArray[np.float32]


class AudioStream(Protocol):
    """A recording that can be read from its start as often as needed."""

    @property
    def name(self) -> str:
        """Return the name for messages and results."""
        ...

    def blocks(self, sampling_rate: int) -> Iterator[Samples]:
        """Yield samples, (T,), at a rate; raise ``AudioError`` where they cannot be read."""
        ...


class AudioFile(NamedTuple):
    """A file that libsndfile decodes."""

    path: Path
    name: str

    def blocks(self, sampling_rate: int) -> Iterator[Samples]:
        """Decode, mix down and resample block by block."""
        with opened(self.path, f"{self.name}: ") as audio:
            decoded = map(to_mono, audio.blocks(max(int(audio.sampling_rate * BLOCK_SECONDS), 1)))
            yield from _finite(_resampled(decoded, audio.sampling_rate, sampling_rate), self.name)

    def seconds(self) -> float:
        """Return the duration in the header; 0 where it lacks it, or cannot be read."""
        try:
            with opened(self.path, "") as audio:
                return audio.seconds or 0.0
        except AudioError:
            return 0.0


class AudioSamples(NamedTuple):
    """Samples in memory, (T,) or (T, channels)."""

    samples: Samples
    sampling_rate: int
    name: str = "waveform"

    def blocks(self, sampling_rate: int) -> Iterator[Samples]:
        """Yield all samples as one block."""
        samples = np.asarray(self.samples, dtype=np.float32)
        if samples.ndim not in (1, 2) or (samples.ndim == 2 and samples.shape[1] > samples.shape[0] > 0):
            raise AudioError(
                f"{self.name}: samples must be (T,) or (T, channels), got {samples.shape}; "
                "transpose what has its channels first"
            )
        mono = to_mono(samples)
        yield from _finite([resample(mono, self.sampling_rate, sampling_rate)], self.name)


class ClipAudio(NamedTuple):
    """A part of a file, or audio of another source."""

    source: AudioSource
    name: str

    @property
    def path(self) -> Path:
        """Return the file."""
        return Path(getattr(self.source, "path", None) or self.name)

    def blocks(self, sampling_rate: int) -> Iterator[Samples]:
        """Decode the part; yield it as one block."""
        try:
            clip = self.source.read()
        except AudioError as error:
            raise AudioError(f"{self.name}: {error}") from error
        yield from AudioSamples(clip.waveform, clip.sampling_rate, self.name).blocks(sampling_rate)

    def seconds(self) -> float:
        """Return the duration, or 0 where the part has no end."""
        start, end = getattr(self.source, "start", 0.0), getattr(self.source, "end", None)
        return 0.0 if end is None else float(end - start)


def spooled(stream: BinaryIO) -> tempfile._TemporaryFileWrapper:  # type: ignore[type-arg]
    """Copy a stream that can be read only once into a file, which is deleted when it is closed."""
    file = tempfile.NamedTemporaryFile(suffix=".audio")  # noqa: SIM115 - the caller closes it
    while block := stream.read(_COPIED_BYTES):
        file.write(block)
        if file.tell() > _MOST_STREAM_BYTES:
            file.close()
            raise AudioError(f"standard input: must have at most {_MOST_STREAM_BYTES >> 30} GiB, it has more")
    file.flush()
    return file


def _resampled(blocks: Iterable[Samples], source_rate: int, target_rate: int) -> Iterator[Samples]:
    if source_rate == target_rate:
        yield from blocks
        return
    converter = soxr.ResampleStream(source_rate, target_rate, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield converter.resample_chunk(block)
    yield converter.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def _finite(blocks: Iterable[Samples], name: str) -> Iterator[Samples]:
    for block in blocks:
        if not np.isfinite(block).all():
            raise AudioError(f"{name}: every sample must be a number, some are NaN or infinite")
        yield block
