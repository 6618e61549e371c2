"""The content of an ONNX graph: samples → log-probabilities, normalisation and mel bins included."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import override

from inference.acoustic_model import AcousticModel
from models.network.acoustic_forward import AcousticForward
from models.network.frontend import KALDI_SCALE, LOWEST_HERTZ, MEL_BINS, PREEMPHASIS, LogMelFrontend
from models.network.pretrained import frame_lengths


class TraceableLogMel(LogMelFrontend):
    """The log-mel front end with its frames as products of matrices, which a graph can hold.

    Removing the mean, emphasising, windowing and transforming a frame are all linear: one convolution
    over the samples does them, computed once in float64.
    """

    def __init__(self, sampling_rate: int, padding_value: float) -> None:
        super().__init__(sampling_rate, padding_value)
        self.transform = nn.Buffer(_frame_transform(self.grid.window))  # (2K, 1, window)
        self.filters = nn.Buffer(_mel_filters(sampling_rate, self.grid.window))  # (K, 80)

    @override
    def features(self, waveforms: Tensor) -> Tensor:
        scaled = waveforms[:, None] * KALDI_SCALE  # (B, 1, T)
        parts = nn.functional.conv1d(scaled, self.transform, stride=self.grid.shift)
        real, imaginary = parts.transpose(1, 2).chunk(2, dim=-1)  # (B, M, K)
        energies = (real**2 + imaginary**2) @ self.filters  # (B, M, 80)
        return torch.log(energies.clamp(min=torch.finfo(torch.float32).eps))  # Kaldi's floor


class RecognizerGraph(nn.Module):
    """Samples and their numbers → log-probabilities of tokens per frame, and the numbers of real frames."""

    def __init__(self, model: AcousticModel) -> None:
        super().__init__()
        audio, frontend = model.audio_params, model.frontend
        if isinstance(frontend, LogMelFrontend):
            frontend = TraceableLogMel(audio.sampling_rate, audio.padding_value)
        self.network, self.frontend = model.network, frontend
        self.acoustic = AcousticForward(
            model.network, frontend, uses_attention_mask=model.uses_attention_mask
        )

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (B, F, V) and frames (B,) of waveforms (B, T), zero-padded, and lengths (B,)."""
        inputs = self.frontend(waveforms, lengths)
        return self.acoustic.padded_scores(inputs), frame_lengths(self.network, inputs.sizes)


def _frame_transform(window: int) -> Tensor:
    """Return Kaldi's steps from a frame of samples to its spectrum, as one matrix, (2K, 1, window)."""
    size = 2 ** math.ceil(math.log2(window))
    without_mean = np.eye(window) - 1.0 / window
    emphasised = np.eye(window) - PREEMPHASIS * np.eye(window, k=-1)
    emphasised[0, 0] = 1.0 - PREEMPHASIS
    povey = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / (window - 1))) ** 0.85
    angles = -2 * np.pi * np.outer(np.arange(size // 2), np.arange(window)) / size
    spectrum = np.concatenate([np.cos(angles), np.sin(angles)])
    matrix = spectrum @ (povey[:, None] * emphasised) @ without_mean
    return torch.from_numpy(matrix).float()[:, None]


def _mel_filters(sampling_rate: int, window: int) -> Tensor:
    """Return Kaldi's triangles on the mel scale, (K, 80)."""
    size = 2 ** math.ceil(math.log2(window))
    lowest, highest = _mel(LOWEST_HERTZ), _mel(sampling_rate / 2)
    edges = np.linspace(lowest, highest, MEL_BINS + 2)
    bins = _mel(np.arange(size // 2) * sampling_rate / size)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(np.maximum(0.0, np.minimum(rising, falling))).float()


def _mel(hertz: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)
