"""What an ONNX graph holds: samples in, log-probabilities out, normalisation and mel bins included."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.acoustic_model import AcousticModel
from models.network.frontend import (
    KALDI_SCALE,
    MEL_BINS,
    MEL_STACK,
    VARIANCE_FLOOR,
    length_mask,
    normalise,
    stacked,
)
from models.network.pretrained import frame_lengths

_PREEMPHASIS = 0.97
_LOWEST_HERTZ = 20.0


class BatchedLogMel(nn.Module):
    """The features of ``LogMelFrontend`` for a batch, as products of matrices.

    Removing the mean, emphasising, windowing and transforming a frame are all linear: one convolution
    over the samples does them, computed once in float64.
    """

    def __init__(self, sampling_rate: int, padding_value: float) -> None:
        super().__init__()
        self.window, self.shift = int(sampling_rate * 0.025), int(sampling_rate * 0.010)
        self.padding_value = padding_value
        self.transform = nn.Buffer(_frame_transform(self.window))  # (2K, 1, window)
        self.filters = nn.Buffer(_mel_filters(sampling_rate, self.window))  # (K, 80)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, F, 160) and how many of them the encoder listens to."""
        parts = nn.functional.conv1d(waveforms[:, None] * KALDI_SCALE, self.transform, stride=self.shift)
        real, imaginary = parts.transpose(1, 2).chunk(2, dim=-1)  # (B, M, K)
        energies = (real**2 + imaginary**2) @ self.filters
        mel = torch.log(energies.clamp(min=torch.finfo(torch.float32).eps))  # as Kaldi has a floor
        counts = self._windows(lengths)
        outside = ~length_mask(counts, mel.shape[1])[..., None]
        features = _standardised(mel, counts).masked_fill(outside, self.padding_value)
        return stacked(features, self.padding_value), torch.div(counts, MEL_STACK, rounding_mode="floor")

    def input_lengths(self, lengths: Tensor) -> Tensor:
        """Lengths in stacked frames, (B,), a half-filled one included."""
        return torch.div(self._windows(lengths) + MEL_STACK - 1, MEL_STACK, rounding_mode="floor")

    def _windows(self, lengths: Tensor) -> Tensor:
        return torch.div(lengths - self.window, self.shift, rounding_mode="floor") + 1  # (B,)


class RecognizerGraph(nn.Module):
    """Samples and their numbers → log-probabilities of tokens per frame, and the numbers of real frames."""

    def __init__(self, model: AcousticModel) -> None:
        super().__init__()
        self.network = model.network
        self.input_name = model.features.input_name
        self.uses_attention_mask = model.uses_attention_mask
        self.do_normalize = model.audio_params.do_normalize
        self.padding_value = model.audio_params.padding_value
        self.mel = (
            BatchedLogMel(model.audio_params.sampling_rate, self.padding_value)
            if model.features.mel_frames_per_input
            else None
        )

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B, F, V) and frames (B,) of waveforms (B, T), zero-padded, and lengths (B,)."""
        inputs, num_heard = self._inputs(waveforms, lengths)
        input_lengths = self.mel.input_lengths(lengths) if self.mel is not None else lengths
        mask = length_mask(num_heard, inputs.shape[1]).long() if self.uses_attention_mask else None
        logits = self.network(**{self.input_name: inputs, "attention_mask": mask}).logits
        return logits.log_softmax(dim=-1), frame_lengths(self.network, input_lengths)

    def _inputs(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        if self.mel is not None:
            features, counts = self.mel(waveforms, lengths)
            return features, counts
        samples = normalise(waveforms, lengths) if self.do_normalize else waveforms
        outside = ~length_mask(lengths, waveforms.shape[1])
        return samples.masked_fill(outside, self.padding_value), lengths


def _standardised(mel: Tensor, counts: Tensor) -> Tensor:
    """Zero mean and unit variance per bin over each utterance's real frames."""
    real = length_mask(counts, mel.shape[1])[..., None]
    number = counts[:, None, None]
    mean = (mel * real).sum(dim=1, keepdim=True) / number
    variance = (((mel - mean) * real) ** 2).sum(dim=1, keepdim=True) / (number - 1)
    return (mel - mean) / torch.sqrt(variance + VARIANCE_FLOOR)


def _frame_transform(window: int) -> Tensor:
    """Kaldi's steps from a frame of samples to its spectrum, as one matrix: (2K, 1, window)."""
    size = 2 ** math.ceil(math.log2(window))
    without_mean = np.eye(window) - 1.0 / window
    emphasised = np.eye(window) - _PREEMPHASIS * np.eye(window, k=-1)
    emphasised[0, 0] = 1.0 - _PREEMPHASIS
    povey = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / (window - 1))) ** 0.85
    angles = -2 * np.pi * np.outer(np.arange(size // 2), np.arange(window)) / size
    spectrum = np.concatenate([np.cos(angles), np.sin(angles)])
    matrix = spectrum @ (povey[:, None] * emphasised) @ without_mean
    return torch.from_numpy(matrix).float()[:, None]


def _mel_filters(sampling_rate: int, window: int) -> Tensor:
    """Kaldi's triangles on the mel scale, (K, 80)."""
    size = 2 ** math.ceil(math.log2(window))
    lowest, highest = _mel(_LOWEST_HERTZ), _mel(sampling_rate / 2)
    edges = np.linspace(lowest, highest, MEL_BINS + 2)
    bins = _mel(np.arange(size // 2) * sampling_rate / size)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(np.maximum(0.0, np.minimum(rising, falling))).float()


def _mel(hertz: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)
