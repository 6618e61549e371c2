"""How many frames a network makes of so many samples, from its configuration alone."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import PretrainedConfig

Counts = NDArray[np.int64]


def frames_of(
    config: "PretrainedConfig", num_samples: Counts, mel_frames_per_input: int, sampling_rate: int
) -> Counts:
    """Frames of the encoder's output, as ``frame_lengths`` of the built network says; none below zero.

    Args:
        config: of the network.
        num_samples: lengths of utterances.
        mel_frames_per_input: for networks that hear mel frames, how many of them make one input; else 0.
        sampling_rate: of the samples.
    """
    if mel_frames_per_input:
        frames = -(-_mel_frames(num_samples, sampling_rate) // mel_frames_per_input)
        kernel = getattr(config, "adapter_kernel_size", 1)
        padding = kernel // 2
    else:
        frames, kernel, padding = convolved_frames(config, num_samples), 1, 0
    if getattr(config, "add_adapter", False):
        for _ in range(config.num_adapter_layers):
            frames = _convolved(frames + 2 * padding, kernel, config.adapter_stride)
    return np.maximum(frames, 0)


def convolved_frames(config: "PretrainedConfig", num_samples: Counts) -> Counts:
    """Frames behind the convolutions over samples."""
    frames = num_samples
    for size, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        frames = _convolved(frames, size, stride)
    return frames


def _convolved(lengths: Counts, kernel: int, stride: int) -> Counts:
    return (lengths - kernel) // stride + 1


def _mel_frames(num_samples: Counts, sampling_rate: int) -> Counts:
    """Windows of 25 ms, every 10 ms, that lie wholly within.

    >>> _mel_frames(np.array([399, 400, 16000]), 16000).tolist()
    [0, 1, 98]
    """
    window, shift = int(sampling_rate * 0.025), int(sampling_rate * 0.010)
    return np.maximum((num_samples - window) // shift + 1, 0)
