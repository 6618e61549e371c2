"""Samples ↔ frames, from a network's configuration alone: how many frames there are, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PretrainedConfig

Counts = NDArray[np.int64]
_Lengths = TypeVar("_Lengths", Tensor, Counts)
_REACH_SECONDS = 0.08  # the longest extension of a token into the blanks beside it


class FeatureGrid(NamedTuple):
    """How a front end's features lie on the samples.

    >>> grid = FeatureGrid(window=400, shift=160, stack=2)
    >>> grid.num_features(np.array([399, 400, 720])).tolist(), grid.num_inputs(np.array([720])).tolist()
    ([0, 1, 3], [2])
    """

    window: int  # samples that a feature spans
    shift: int  # samples from one feature to the next
    stack: int  # features that make one input of the network

    def num_features(self, num_samples: _Lengths) -> _Lengths:
        """Return how many windows lie wholly within waveforms of these lengths, (B,)."""
        return ((num_samples - self.window) // self.shift + 1).clip(min=0)

    def num_inputs(self, num_samples: _Lengths) -> _Lengths:
        """Return how many inputs such waveforms give, (B,), a half-filled one included."""
        return (self.num_features(num_samples) + self.stack - 1) // self.stack


SAMPLE_GRID = FeatureGrid(window=1, shift=1, stack=1)


def frames_of(config: "PretrainedConfig", num_samples: Counts, grid: FeatureGrid) -> Counts:
    """Return the frames of the encoder's output, as ``frame_lengths`` of the built network gives them."""
    frames = convolved_frames(config, grid.num_inputs(num_samples))
    if getattr(config, "add_adapter", False):
        # As transformers counts: with kernels of 1 and no padding where the encoder has convolutions.
        kernel = 1 if _convolutions(config) else config.adapter_kernel_size
        for _ in range(config.num_adapter_layers):
            frames = _convolved(frames + 2 * (kernel // 2), kernel, config.adapter_stride)
    return np.maximum(frames, 0)


def convolved_frames(config: "PretrainedConfig", num_inputs: Counts) -> Counts:
    """Return the frames behind the convolutions over samples; a network without any keeps its inputs."""
    frames = num_inputs
    for kernel, stride in _convolutions(config):
        frames = _convolved(frames, kernel, stride)
    return frames


def _convolutions(config: "PretrainedConfig") -> list[tuple[int, int]]:
    kernels, strides = getattr(config, "conv_kernel", ()), getattr(config, "conv_stride", ())
    return list(zip(kernels, strides, strict=True))


def _convolved(lengths: Counts, kernel: int, stride: int) -> Counts:
    return (lengths - kernel) // stride + 1


@dataclass(frozen=True)
class FrameClock:
    """The grid of frames on the samples of a recording.

    >>> clock = FrameClock(stride=320, receptive_field=400, centre=200.0, sampling_rate=16000)
    >>> clock.centre_seconds(10), clock.edge_seconds(10), clock.first_sample(10), clock.samples_of(2)
    (0.2125, 0.2025, 3200, 720)
    """

    stride: int  # samples from one frame to the next
    receptive_field: int  # samples that one frame's input spans; frame 0 begins at sample 0
    centre: float  # samples from the recording's start to the middle of frame 0
    sampling_rate: int

    def centre_seconds(self, frame: float) -> float:
        """Return the middle of a frame's receptive field."""
        return (self.centre + frame * self.stride) / self.sampling_rate

    def edge_seconds(self, frame: float) -> float:
        """Return where a frame's stride begins: half-way between its centre and the one before."""
        return self.centre_seconds(frame - 0.5)

    def first_sample(self, frame: int) -> int:
        """Return where the input of a frame begins."""
        return frame * self.stride

    def samples_of(self, num_frames: int) -> int:
        """Return how many samples these frames need."""
        return (num_frames - 1) * self.stride + self.receptive_field


def frame_clock(config: "PretrainedConfig", grid: FeatureGrid, sampling_rate: int) -> FrameClock:
    """Return the grid of a network's frames."""
    layers = _convolutions(config)
    stride, field = grid.stack * grid.shift, (grid.stack - 1) * grid.shift + grid.window
    for kernel, step in layers:
        field += (kernel - 1) * stride
        stride *= step
    centre = field / 2
    if getattr(config, "add_adapter", False):  # padded so that its frames keep their middle
        padding = 1 if layers else config.adapter_stride // 2
        for _ in range(config.num_adapter_layers):
            centre += ((config.adapter_kernel_size - 1) / 2 - padding) * stride
            stride *= config.adapter_stride
    return FrameClock(stride, field, centre, sampling_rate)


class TimeSpan(NamedTuple):
    """A stretch of a recording."""

    start_seconds: float
    end_seconds: float


def token_times(
    spans: Sequence[tuple[int, int]],  # first frame, and the one after the last; in order
    clock: FrameClock,
    num_seconds: float,
) -> list[TimeSpan]:
    """Return from when to when each token lasts, by the frames that the network emits it in.

    CTC emits a token in one or two of the frames in which it sounds, and blanks in the others. So
    neighbours meet half-way between them; across a pause each reaches 80 ms into the blanks at most.

    >>> clock = FrameClock(stride=160, receptive_field=160, centre=80.0, sampling_rate=16000)
    >>> [tuple(round(t, 2) for t in time) for time in token_times([(2, 3), (7, 9), (50, 51)], clock, 1.0)]
    [(0.01, 0.05), (0.05, 0.17), (0.42, 0.59)]
    """
    edges = [(clock.edge_seconds(start), clock.edge_seconds(end)) for start, end in spans]
    befores = [0.0, *(end for _, end in edges)]
    afters = [*(start for start, _ in edges[1:]), num_seconds]
    return [
        TimeSpan(max(start - _reach(start - before), 0.0), min(end + _reach(after - end), num_seconds))
        for (start, end), before, after in zip(edges, befores, afters, strict=False)
    ]


def _reach(gap_seconds: float) -> float:
    return min(max(gap_seconds, 0.0) / 2, _REACH_SECONDS)
