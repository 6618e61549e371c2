"""The network's inputs for a stretch of a recording, normalised by the whole recording.

A stretch that begins on a frame's first sample has the features that the whole recording has there, so that
windows of a long recording agree with one pass over it.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.network.frames import FeatureGrid
from models.network.frontend import VARIANCE_FLOOR, Inputs, WaveformFrontend

Samples = NDArray[np.float32]


class Scale(NamedTuple):
    """Mean and deviation of a recording's features."""

    mean: Tensor  # () or (bins,)
    deviation: Tensor

    def apply(self, features: Tensor) -> Tensor:
        """Normalise features, (B, N, …)."""
        return ((features.to(self.mean.dtype) - self.mean) / self.deviation).float()


class _Moments:
    """Counts, means and squared deviations, added up block by block in float64 (Chan's formula)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor = torch.zeros((), dtype=torch.float64)
        self.squares: Tensor = torch.zeros((), dtype=torch.float64)

    def add(self, values: Tensor) -> None:
        """Add a block, (N, …)."""
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
        """Return the mean, and the root of the variance above its floor."""
        variance = self.squares / max(self.count - unbiased, 1)
        return Scale(self.mean, torch.sqrt(variance + VARIANCE_FLOOR))


def recording_scale(frontend: WaveformFrontend, blocks: Iterable[Samples]) -> Scale:
    """Return the scale of a whole recording, from blocks of its samples."""
    moments = _Moments()
    for block in _whole_windows(blocks, frontend.grid):
        moments.add(frontend.features(torch.from_numpy(block)[None])[0])
    if not frontend.do_normalize:
        return Scale(torch.zeros(()), torch.ones(()))
    return moments.scale(unbiased=frontend.unbiased)


def stretch_inputs(frontend: WaveformFrontend, samples: Samples, scale: Scale) -> Inputs:
    """Return the network's inputs for a stretch of samples, (T,), as a batch of one."""
    features = scale.apply(frontend.features(torch.from_numpy(samples)[None]))  # (1, N, …)
    return frontend.inputs(features, torch.tensor([features.shape[1]]))


def _whole_windows(blocks: Iterable[Samples], grid: FeatureGrid) -> Iterator[Samples]:
    """Yield blocks that each begin where the window after the last one begins."""
    rest = np.zeros(0, dtype=np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        count = (len(rest) - grid.window) // grid.shift + 1
        if count > 0:
            yield rest[: (count - 1) * grid.shift + grid.window]
            rest = rest[count * grid.shift :]
