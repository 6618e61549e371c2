"""Training clips before and after augmentation, as audio and as spectrograms."""

import io
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from dataset_modules.batches.clip_dataset import ClipDataset
from dataset_modules.sources.audio import from_pcm16
from reports import html
from reports.html import Html
from reports.pictures import RANGE_DB, canvas, inline_svg, log_energy


class AugmentationExample(NamedTuple):
    """One clip before and after augmentation."""

    id: str
    phonemes: tuple[str, ...]
    before: NDArray[np.float32]  # (T,)
    after: NDArray[np.float32]  # (T,)
    sampling_rate: int
    remark: str

    @property
    def before_wav(self) -> bytes:
        """The WAV file of the unchanged clip."""
        return wav(self.before, self.sampling_rate)

    @property
    def after_wav(self) -> bytes:
        """The WAV file of the clip in the first epoch."""
        return wav(self.after, self.sampling_rate)


def augmentation_examples(train: ClipDataset, number: int, seed: int) -> list[AugmentationExample]:
    """Augment up to ``number`` training clips, chosen by the seed, exactly as in the first epoch."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(train))[:number])
    return [_example(train, row) for row in rows.tolist()]


def _example(train: ClipDataset, row: int) -> AugmentationExample:
    augment, clip = train.augment, train.clips[row]
    failures = augment.failures if augment else 0
    before, after = from_pcm16(clip.samples), train[(0, row)].waveform
    remark = "No augmentations are configured."
    if augment:
        remark = _remark(before, after, augment.failures > failures)
    return AugmentationExample(clip.id, clip.phonemes, before, after, train.sampling_rate, remark)


def _remark(before: NDArray[np.float32], after: NDArray[np.float32], failed: bool) -> str:
    if failed:
        return "A transform failed on this clip, so training uses it unchanged."
    if np.array_equal(before, after):
        return "The random draws left this clip unchanged."
    loudest = float(np.abs(after).max())
    if loudest > 1.0:
        return (
            f"Its peak is {loudest:.2f} of full scale; it is played quieter by this factor to avoid clipping."
        )
    return ""


def wav(waveform: NDArray[np.float32], sampling_rate: int) -> bytes:
    """Encode a 16-bit WAV file; a waveform that exceeds full scale is scaled down."""
    stream = io.BytesIO()
    loudest = max(1.0, float(np.abs(waveform).max(initial=0.0)))
    soundfile.write(stream, waveform / loudest, sampling_rate, format="WAV", subtype="PCM_16")
    return stream.getvalue()


def spectrogram(waveform: NDArray[np.float32], sampling_rate: int, label: str) -> Html:
    """Draw the energy over time and frequency, down to 80 dB below the loudest value."""
    energy = log_energy(waveform, sampling_rate)
    drawing, axes = canvas("seconds", "kHz", height=2.2, grid=False)
    seconds = len(waveform) / sampling_rate
    axes.imshow(
        energy,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-RANGE_DB,
        vmax=0.0,
        interpolation="none",
        extent=(0.0, seconds, 0.0, sampling_rate / 2000),
    )
    axes.set_title(label)
    return html.figure(inline_svg(drawing), alt=f"Spectrogram {label} augmentation, {seconds:.2f} s")
