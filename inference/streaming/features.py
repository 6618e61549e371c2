"""What a network hears of a recording, piece by piece, normalised by the whole of it.

A piece that begins on a frame's first sample has the features that the whole recording has there, so that
windows of a long recording agree with one pass over it.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.network.frontend import MEL_STACK, VARIANCE_FLOOR, log_mel, stacked

Samples = NDArray[np.float32]


class Scale(NamedTuple):
    """What brings a recording's features to zero mean and unit variance."""

    mean: Tensor  # (1,) or (bins,)
    deviation: Tensor

    def apply(self, features: Tensor) -> Tensor:
        """Normalise features, (N, …)."""
        return ((features.to(self.mean.dtype) - self.mean) / self.deviation).float()


class Inputs(NamedTuple):
    """What a network takes for a stretch of samples, (N, …), and how much of it the encoder listens to."""

    features: Tensor
    num_heard: int


class _Moments:
    """Counts, means and squared deviations, added up block by block in float64 (Chan's formula)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor = torch.zeros(1, dtype=torch.float64)
        self.squares: Tensor = torch.zeros(1, dtype=torch.float64)

    def add(self, values: Tensor) -> None:
        """Add a block, (N, bins)."""
        if not len(values):
            return
        values = values.double()
        mean = values.mean(dim=0)
        total, apart = self.count + len(values), mean - self.mean
        self.squares = (
            self.squares + ((values - mean) ** 2).sum(dim=0) + apart**2 * self.count * len(values) / total
        )
        self.mean = self.mean + apart * len(values) / total
        self.count = total

    def scale(self, *, unbiased: bool) -> Scale:
        """Mean, and the root of the variance above its floor."""
        variance = self.squares / max(self.count - unbiased, 1)
        return Scale(self.mean, torch.sqrt(variance + VARIANCE_FLOOR))


class SampleFeatures:
    """Samples as they are."""

    input_name = "input_values"
    mel_frames_per_input = 0

    def __init__(self, do_normalize: bool) -> None:
        self.do_normalize = do_normalize

    def scale(self, blocks: Iterable[Samples]) -> Scale:
        """The scale of a whole recording, from blocks of it."""
        moments = _Moments()
        for block in blocks:
            moments.add(torch.from_numpy(block)[:, None])
        return moments.scale(unbiased=False) if self.do_normalize else Scale(torch.zeros(1), torch.ones(1))

    def inputs(self, samples: Samples, scale: Scale) -> Inputs:
        """What the network takes for a stretch of samples: (T,)."""
        return Inputs(scale.apply(torch.from_numpy(samples)), len(samples))


class LogMelFeatures:
    """Log-mel frames as Kaldi makes them, two stacked to one input, as ``LogMelFrontend`` has them."""

    input_name = "input_features"
    mel_frames_per_input = MEL_STACK

    def __init__(self, sampling_rate: int, padding_value: float) -> None:
        self.sampling_rate = sampling_rate
        self.padding_value = padding_value
        self._window, self._shift = int(sampling_rate * 0.025), int(sampling_rate * 0.010)

    def scale(self, blocks: Iterable[Samples]) -> Scale:
        """The scale of a whole recording, from blocks of it."""
        moments = _Moments()
        for block in self._overlapping(blocks):
            moments.add(self._mel(block))
        return moments.scale(unbiased=True)

    def inputs(self, samples: Samples, scale: Scale) -> Inputs:
        """What the network takes for a stretch of samples: (N, 160)."""
        mel = scale.apply(self._mel(samples))
        return Inputs(stacked(mel, self.padding_value), len(mel) // MEL_STACK)

    def _overlapping(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        """Blocks that each begin where the mel frame after the last one begins."""
        rest = np.zeros(0, dtype=np.float32)
        for block in blocks:
            rest = np.concatenate([rest, block])
            frames = (len(rest) - self._window) // self._shift + 1
            if frames > 0:
                yield rest[: (frames - 1) * self._shift + self._window]
                rest = rest[frames * self._shift :]

    def _mel(self, samples: Samples) -> Tensor:
        return log_mel(torch.from_numpy(samples), self.sampling_rate)  # (M, 80)
