"""When a network's frames sound: which samples each of them hears."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_MEL_WINDOW_SECONDS, _MEL_SHIFT_SECONDS = 0.025, 0.010
_REACH_SECONDS = 0.08  # how far into the blanks beside it a token may last


@dataclass(frozen=True)
class FrameClock:
    """The grid of frames on the samples of a recording.

    Args:
        stride: samples from one frame to the next.
        receptive_field: samples that one frame's input spans; frame 0 begins at sample 0.
        centre: samples from the recording's start to the middle of frame 0.
        sampling_rate: of the samples.

    >>> clock = FrameClock(stride=320, receptive_field=400, centre=200.0, sampling_rate=16000)
    >>> clock.centre_seconds(10), clock.edge_seconds(10), clock.first_sample(10), clock.samples_of(2)
    (0.2125, 0.2025, 3200, 720)
    """

    stride: int
    receptive_field: int
    centre: float
    sampling_rate: int

    def centre_seconds(self, frame: float) -> float:
        """The middle of what a frame hears."""
        return (self.centre + frame * self.stride) / self.sampling_rate

    def edge_seconds(self, frame: float) -> float:
        """Where a frame's own stride begins: half-way between its centre and the one before."""
        return self.centre_seconds(frame - 0.5)

    def first_sample(self, frame: int) -> int:
        """Where the input of a frame begins."""
        return frame * self.stride

    def samples_of(self, num_frames: int) -> int:
        """The samples that so many frames need."""
        return (num_frames - 1) * self.stride + self.receptive_field


def frame_clock(config: "PretrainedConfig", mel_frames_per_input: int, sampling_rate: int) -> FrameClock:
    """The grid of a network's frames, from its configuration alone.

    Args:
        config: of the network.
        mel_frames_per_input: for networks that hear mel frames, how many of them make one input; else 0.
        sampling_rate: of the samples.
    """
    layers = [] if mel_frames_per_input else list(zip(config.conv_kernel, config.conv_stride, strict=True))
    stride, field = _mel_input(mel_frames_per_input, sampling_rate) if mel_frames_per_input else (1, 1)
    for kernel, step in layers:
        field += (kernel - 1) * stride
        stride *= step
    centre = field / 2
    if getattr(config, "add_adapter", False):  # padded so that its frames keep their middle
        padding = config.adapter_stride // 2 if mel_frames_per_input else 1
        for _ in range(config.num_adapter_layers):
            kernel = config.adapter_kernel_size
            centre += ((kernel - 1) / 2 - padding) * stride
            stride *= config.adapter_stride
    return FrameClock(stride, field, centre, sampling_rate)


def _mel_input(mel_frames: int, sampling_rate: int) -> tuple[int, int]:
    """Stride and span of so many mel frames, in samples.

    >>> _mel_input(2, 16000)
    (320, 560)
    """
    shift = int(sampling_rate * _MEL_SHIFT_SECONDS)
    return mel_frames * shift, (mel_frames - 1) * shift + int(sampling_rate * _MEL_WINDOW_SECONDS)


class Interval(NamedTuple):
    """A stretch of a recording."""

    start_seconds: float
    end_seconds: float


def token_times(
    spans: Sequence[tuple[int, int]],  # first frame, and the one after the last; in order
    clock: FrameClock,
    num_seconds: float,
) -> list[Interval]:
    """From when to when each token sounds, by the frames that speak it.

    CTC speaks a token in one or two frames of the many in which it sounds, and blanks in the others. So
    neighbours meet half-way between them; across a pause each reaches 80 ms into the blanks at most.

    >>> clock = FrameClock(stride=160, receptive_field=160, centre=80.0, sampling_rate=16000)
    >>> [tuple(round(t, 2) for t in time) for time in token_times([(2, 3), (7, 9), (50, 51)], clock, 1.0)]
    [(0.01, 0.05), (0.05, 0.17), (0.42, 0.59)]
    """
    times = []
    for index, (start, end) in enumerate(spans):
        before = spans[index - 1][1] if index else 0
        after = spans[index + 1][0] if index + 1 < len(spans) else None
        first, last = clock.edge_seconds(start), clock.edge_seconds(end)
        gap = first - (clock.edge_seconds(before) if index else 0.0)
        gap_after = (num_seconds if after is None else clock.edge_seconds(after)) - last
        times.append(Interval(max(first - _reach(gap), 0.0), min(last + _reach(gap_after), num_seconds)))
    return times


def _reach(gap_seconds: float) -> float:
    return min(max(gap_seconds, 0.0) / 2, _REACH_SECONDS)
