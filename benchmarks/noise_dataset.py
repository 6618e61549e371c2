"""Clips of noise of given lengths, for measuring what does not depend on what is said."""

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
    """Noise of so many samples; the number seeds it."""

    num_samples: int
    number: int

    def fingerprint(self) -> str:
        """Both decide what it sounds like."""
        return f"noise {self.num_samples} {self.number}"

    def read(self) -> Clip:
        """Make it."""
        noise = np.random.default_rng(self.number).standard_normal(self.num_samples, dtype=np.float32)
        return Clip(0.1 * noise, RATE)


class NoiseDataset(BaseDataset):
    """A training split of noise, with labels as dense as asked for; the first clip validates.

    Args:
        lengths: samples of each clip.
        phonemes_per_second: of its label.
        cache_dir: where prepared clips are kept.
    """

    def __init__(self, lengths: list[int], phonemes_per_second: int, cache_dir: str | Path) -> None:
        super().__init__(cache_dir, "ru", text_to_phonemes="none")
        self.lengths = lengths
        self.phonemes_per_second = phonemes_per_second

    def load_data(self, create_dataset: bool = False) -> None:
        """Everything is known."""

    def get_train_data(self) -> Iterable[Recording]:
        """All clips."""
        for number, num_samples in enumerate(self.lengths):
            yield self._recording(number, num_samples)

    def get_val_data(self) -> Iterable[Recording]:
        """The first clip again."""
        yield self._recording(0, self.lengths[0])

    def get_test_data(self) -> Iterable[Recording]:
        """None."""
        return ()

    def _recording(self, number: int, num_samples: int) -> Recording:
        count = num_samples * self.phonemes_per_second // RATE
        drawn = np.random.default_rng(number).choice(len(PHONEMES), count)
        phonemes = tuple(PHONEMES[place] for place in drawn)
        return Recording(f"noise-{number:05d}", Noise(num_samples, number), phonemes)
