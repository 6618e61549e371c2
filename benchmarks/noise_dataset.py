"""Clips of noise of given lengths, for measurements that do not depend on the speech."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset_modules.base_dataset import BaseDataset
from dataset_modules.recording import Clip, Recording

RATE = 16000
PHONEMES = ("a", "n", "t", "i", "s", "o", "k", "m")


@dataclass(frozen=True)
class Noise:
    """Noise of a given length; the number is its seed."""

    num_samples: int
    number: int

    def fingerprint(self) -> str:
        """Return length and seed."""
        return f"noise {self.num_samples} {self.number}"

    def read(self) -> Clip:
        """Generate the noise."""
        noise = np.random.default_rng(self.number).standard_normal(self.num_samples, dtype=np.float32)
        return Clip(0.1 * noise, RATE)


class NoiseDataset(BaseDataset):
    """A training split of noise with labels of a given density; the first clip is the validation split.

    Args:
        lengths: the number of samples of each clip.
        phonemes_per_second: the density of the labels.
        cache_dir: the folder of prepared clips.
    """

    def __init__(self, lengths: list[int], phonemes_per_second: int, cache_dir: str | Path) -> None:
        super().__init__(cache_dir, "ru", text_to_phonemes="none")
        self.lengths = lengths
        self.phonemes_per_second = phonemes_per_second

    def load_data(self, create_dataset: bool = False) -> None:
        """Do nothing: there is nothing to read."""

    def get_train_data(self) -> Iterable[Recording]:
        """Return all clips."""
        for number, num_samples in enumerate(self.lengths):
            yield self._recording(number, num_samples)

    def get_val_data(self) -> Iterable[Recording]:
        """Return the first clip."""
        yield self._recording(0, self.lengths[0])

    def get_test_data(self) -> Iterable[Recording]:
        """Return no clip."""
        return ()

    def _recording(self, number: int, num_samples: int) -> Recording:
        count = num_samples * self.phonemes_per_second // RATE
        drawn = np.random.default_rng(number).choice(len(PHONEMES), count)
        phonemes = tuple(PHONEMES[place] for place in drawn)
        return Recording(f"noise-{number:05d}", Noise(num_samples, number), phonemes)
