"""Training clips before and after augmentation: to be listened to, and to be looked at."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from dataset_modules.augmentations import AugmentationPipeline
from dataset_modules.batches.clip_dataset import ClipDataset
from dataset_modules.labels.usable_clips import ClipSubset, FrameCounter
from dataset_modules.sources.audio import from_pcm16
from doctor.surveyor import ClipLookup
from reports import html
from reports.html import Html
from reports.html.pictures import RANGE_DB, canvas, inline_svg, log_energy


class AugmentationExample(NamedTuple):
    """One clip, twice."""

    id: str
    phonemes: tuple[str, ...]
    before: NDArray[np.float32]  # (T,)
    after: NDArray[np.float32]  # (T,)
    sampling_rate: int
    remark: str

    @property
    def before_wav(self) -> bytes:
        """A sound file of the clip as it is."""
        return wav(self.before, self.sampling_rate)

    @property
    def after_wav(self) -> bytes:
        """A sound file of the clip as the first epoch hears it."""
        return wav(self.after, self.sampling_rate)


def augmentation_examples(
    clips: Sequence[ClipSubset],
    augment: AugmentationPipeline | None,
    sampling_rate: int,
    number: int,
    seed: int,
    labels: Sequence[list[int]] | None = None,
    num_frames: FrameCounter | None = None,
) -> list[AugmentationExample]:
    """Up to ``number`` training clips, chosen by the seed, as the first epoch hears them.

    Args:
        clips: of the training split.
        augment: what training does to them.
        sampling_rate: of the clips.
        number: of examples.
        seed: of their choice.
        labels: of all clips, where the network must have frames for them.
        num_frames: of the network.
    """
    lookup = ClipLookup(clips)
    size = sum(len(subset) for subset in clips)
    rows = np.sort(np.random.default_rng(seed).permutation(size)[:number])
    # The very class that training reads from, so that a draw cannot differ.
    heard = ClipDataset(clips, labels or [[]] * size, augment, sampling_rate, num_frames)
    examples = []
    for row in rows.tolist():
        failures = augment.failures if augment else 0
        after = heard[(0, row)].waveform
        failed = augment is not None and augment.failures > failures
        clip = lookup[row]
        before = from_pcm16(clip.samples)
        examples.append(
            AugmentationExample(
                clip.id,
                clip.phonemes,
                before,
                after,
                sampling_rate,
                _remark(before, after, failed) if augment else "No augmentations are configured.",
            )
        )
    return examples


def _remark(before: NDArray[np.float32], after: NDArray[np.float32], failed: bool) -> str:
    if failed:
        return "A transform failed on this clip, which training therefore hears as it is."
    if np.array_equal(before, after):
        return "Chance left this clip as it is."
    loudest = float(np.abs(after).max())
    if loudest > 1.0:
        return f"Peaks at {loudest:.2f} of full scale; played that much quieter so that nothing is cut off."
    return ""


def wav(waveform: NDArray[np.float32], sampling_rate: int) -> bytes:
    """A 16-bit sound file; what exceeds full scale makes it quieter as a whole."""
    stream = io.BytesIO()
    loudest = max(1.0, float(np.abs(waveform).max(initial=0.0)))
    soundfile.write(stream, waveform / loudest, sampling_rate, format="WAV", subtype="PCM_16")
    return stream.getvalue()


def spectrogram(waveform: NDArray[np.float32], sampling_rate: int, label: str) -> Html:
    """Energy over time and frequency, down to 80 dB below the loudest."""
    energy = log_energy(waveform, sampling_rate)
    drawing, axes = canvas(height=2.2, grid=False)
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
    axes.set_xlabel("seconds")
    axes.set_ylabel("kHz")
    axes.set_title(label)
    return html.figure(inline_svg(drawing), alt=f"Spectrogram {label} augmentation, {seconds:.2f} s")
