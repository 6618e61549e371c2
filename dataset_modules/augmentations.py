"""Augmentation of waveforms: any audiomentations transform, each draw a function of (seed, epoch, index)."""

import csv
import hashlib
import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from audiomentations import AddBackgroundNoise
from audiomentations.core.transforms_interface import BaseWaveformTransform
from numpy.typing import NDArray

log = logging.getLogger(__name__)

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3", ".opus"})
# Classes of ESC-50 that sound like a voice would teach the model to ignore voices.
VOICE_LIKE_CATEGORIES = frozenset({"breathing", "coughing", "crying_baby", "laughing", "sneezing", "snoring"})


@contextmanager
def seeded(seed: int, epoch: int, index: int) -> Iterator[None]:
    """Within it, global draws of Python, NumPy and torch are a function of the numbers; then as before.

    audiomentations draws from the first two, users' transforms may draw from torch.
    """
    python_state, numpy_state, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    digest = hashlib.blake2b(f"{seed}|{epoch}|{index}".encode(), digest_size=4).digest()
    value = int.from_bytes(digest)
    random.seed(value)
    np.random.seed(value)
    # The processor's generator alone: torch.manual_seed would reset those of devices, too.
    torch.default_generator.manual_seed(value)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        torch.set_rng_state(torch_state)


class AugmentationPipeline:
    """Applies transforms in order; one that fails leaves the clip as it was, counted and reported."""

    def __init__(self, transforms: Sequence[BaseWaveformTransform], seed: int) -> None:
        self.transforms = list(transforms)
        self.seed = seed
        self.failures = 0

    def __call__(
        self, waveform: NDArray[np.float32], sampling_rate: int, epoch: int, index: int
    ) -> NDArray[np.float32]:
        """Augment clip ``index`` as epoch ``epoch`` hears it."""
        with seeded(self.seed, epoch, index):
            try:
                augmented = waveform.copy()  # some transforms write into what they are given
                for transform in self.transforms:
                    augmented = transform(augmented, sampling_rate)
                _check_waveform(augmented)
            except Exception as error:  # noqa: BLE001 - any transform, any fault: one clip must not end a run
                self._report(error, index)
                return waveform
        return np.ascontiguousarray(augmented, dtype=np.float32)

    def _report(self, error: Exception, index: int) -> None:
        self.failures += 1
        if self.failures & (self.failures - 1) == 0:  # the 1st, 2nd, 4th, 8th …
            log.warning(
                "augmentation failed on clip %d, left as it was (%d so far): %r", index, self.failures, error
            )


def _check_waveform(waveform: NDArray[np.float32]) -> None:
    if waveform.ndim != 1 or not len(waveform) or not np.isfinite(waveform).all():
        raise ValueError(f"a transform must give finite samples (T,), gave some of shape {waveform.shape}")


class AddBackgroundNoiseWrapper(AddBackgroundNoise):
    """Background noise from an ESC-50 folder (without voice-like classes), or any folder of audio.

    Args:
        sounds_path: the folder; where it holds ``meta/esc50.csv`` its categories are respected.
        min_snr_db: quietest signal over noise.
        max_snr_db: loudest signal over noise.
        p: the probability of adding any.
    """

    def __init__(
        self, sounds_path: str | Path, min_snr_db: float = 3.0, max_snr_db: float = 30.0, p: float = 0.5
    ) -> None:
        files = noise_files(Path(sounds_path))
        super().__init__(sounds_path=files, min_snr_db=min_snr_db, max_snr_db=max_snr_db, p=p)


def noise_files(folder: Path) -> list[Path]:
    """The noises of a folder, sorted; of ESC-50, those of classes that are not voice-like."""
    if not folder.is_dir():
        raise ValueError(
            f"AddBackgroundNoiseWrapper: sounds_path must be a folder of audio, {folder} is not there"
        )
    categories = folder / "meta" / "esc50.csv"
    if categories.is_file():
        with categories.open(encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["category"] not in VOICE_LIKE_CATEGORIES]
        files = [folder / "audio" / row["filename"] for row in rows]
    else:
        files = [path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES]
    present = sorted(path for path in files if path.is_file())
    if not present:
        raise ValueError(f"AddBackgroundNoiseWrapper: sounds_path must hold audio files, {folder} holds none")
    return present
