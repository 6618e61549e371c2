"""How many frames a network gives for a waveform, from its configuration alone; nothing is built."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Kaldi's windows, as the log-mel front end asks for them.
_MEL_WINDOW_SECONDS, _MEL_SHIFT_SECONDS, _MEL_STACK = 0.025, 0.010, 2


def frame_counts(
    config: "PretrainedConfig", num_samples: NDArray[np.int64], sampling_rate: int
) -> NDArray[np.int64]:
    """Frames of the encoder's output, (N,), of waveforms of these lengths, (N,); none of one too short."""
    if config.model_type == "wav2vec2-bert":
        lengths = mel_frames(num_samples, sampling_rate)
        kernel = getattr(config, "adapter_kernel_size", 1)
        padding = kernel // 2
    else:
        lengths, kernel, padding = num_samples, 1, 0
        for size, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
            lengths = convolved(lengths, size, stride)
    if getattr(config, "add_adapter", False):
        for _ in range(config.num_adapter_layers):
            lengths = convolved(lengths, kernel, config.adapter_stride, padding)
    return np.maximum(lengths, 0)


def convolved(lengths: NDArray[np.int64], kernel: int, stride: int, padding: int = 0) -> NDArray[np.int64]:
    """Lengths behind a convolution.

    >>> convolved(np.array([400, 410, 3]), kernel=10, stride=5).tolist()
    [79, 81, 0]
    """
    return np.where(lengths > 0, np.maximum((lengths + 2 * padding - kernel) // stride + 1, 0), 0)


def mel_frames(num_samples: NDArray[np.int64], sampling_rate: int) -> NDArray[np.int64]:
    """Stacked log-mel frames: windows that lie within the waveform, two to a frame.

    >>> mel_frames(np.array([16000, 399, 720]), 16000).tolist()
    [49, 0, 1]
    """
    window, shift = int(sampling_rate * _MEL_WINDOW_SECONDS), int(sampling_rate * _MEL_SHIFT_SECONDS)
    return convolved(num_samples, window, shift) // _MEL_STACK
