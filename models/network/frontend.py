"""Waveforms → the network's inputs: normalised samples, or the log-mel frames of Wav2Vec2Bert.

Three steps: features of the waveform, zero mean and unit variance per utterance, inputs of the network.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from typing_extensions import override

from dataset_modules.batches.audio_params import AudioParams
from models.network.frames import SAMPLE_GRID, FeatureGrid

VARIANCE_FLOOR = 1e-7
# Wav2Vec2Bert's mel frames, as Kaldi computes them.
WINDOW_SECONDS, SHIFT_SECONDS = 0.025, 0.010
MEL_BINS, MEL_STACK = 80, 2
LOWEST_HERTZ = 20.0
PREEMPHASIS = 0.97
KALDI_SCALE = 2.0**15  # Kaldi's filters expect samples of 16-bit size


class Inputs(NamedTuple):
    """What a network takes of a batch."""

    values: Tensor  # (B, T) samples, or (B, N, 160) stacked mel frames
    sizes: Tensor  # (B,) how many inputs each utterance has, a half-filled one included
    attended: Tensor  # (B,) how many of them the encoder attends to


def mel_grid(sampling_rate: int) -> FeatureGrid:
    """Return how mel frames lie on the samples.

    >>> mel_grid(16000)
    FeatureGrid(window=400, shift=160, stack=2)
    """
    window, shift = int(sampling_rate * WINDOW_SECONDS), int(sampling_rate * SHIFT_SECONDS)
    return FeatureGrid(window, shift, MEL_STACK)


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """Return where utterances are real, (B, size).

    >>> length_mask(torch.tensor([1, 2]), 2).tolist()
    [[True, False], [True, True]]
    """
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def normalise(features: Tensor, counts: Tensor, *, unbiased: bool = False) -> Tensor:
    """Bring the real features of each utterance, (B, N) or (B, N, C), to zero mean and unit variance.

    Sums are taken in float64, so that the padding of a batch does not move the result.

    Args:
        features: padded at the end of each utterance.
        counts: how many features of each utterance are real, (B,).
        unbiased: whether the variance is divided by one less than their number.
    """
    beside = (1,) * (features.ndim - 2)
    mask = length_mask(counts, features.shape[1]).view(*features.shape[:2], *beside)
    counts = counts.view(-1, 1, *beside)
    mean = (features * mask).sum(dim=1, keepdim=True, dtype=torch.float64) / counts
    centred = (features - mean.to(features.dtype)) * mask
    variance = centred.square().sum(dim=1, keepdim=True, dtype=torch.float64) / (counts - int(unbiased))
    return centred / torch.sqrt(variance + VARIANCE_FLOOR).to(features.dtype)


class WaveformFrontend(nn.Module):
    """For encoders whose inputs are samples."""

    input_name = "input_values"
    unbiased = False

    def __init__(self, do_normalize: bool, padding_value: float, grid: FeatureGrid = SAMPLE_GRID) -> None:
        super().__init__()
        self.do_normalize = do_normalize
        self.padding_value = padding_value
        self.grid = grid

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Inputs:
        """Return the inputs of waveforms, (B, T), of these lengths, (B,)."""
        counts = self.grid.num_features(lengths)  # (B,)
        with torch.autocast(waveforms.device.type, enabled=False):  # in full precision, whatever trains
            features = self.features(waveforms)  # (B, T) or (B, M, 80)
            if self.do_normalize:
                features = normalise(features, counts, unbiased=self.unbiased)
            inputs = self.inputs(features, counts)
        return inputs._replace(values=inputs.values.to(waveforms.dtype))

    def features(self, waveforms: Tensor) -> Tensor:
        """Return the features of waveforms, (B, T), before normalisation: the samples themselves."""
        return waveforms

    def inputs(self, features: Tensor, counts: Tensor) -> Inputs:
        """Fill the padding of normalised features, of which ``counts`` are real, and stack neighbours."""
        padding = ~length_mask(counts, features.shape[1])
        padding = padding.view(*features.shape[:2], *(1,) * (features.ndim - 2))
        values = self._stacked(features.masked_fill(padding, self.padding_value))
        stack = self.grid.stack
        return Inputs(values, (counts + stack - 1) // stack, counts // stack)

    def _stacked(self, features: Tensor) -> Tensor:
        return features


class LogMelFrontend(WaveformFrontend):
    """For Wav2Vec2Bert: 80 log-mel bins, normalised per bin, two frames stacked to one of 160.

    If the number of frames is odd, padding completes the last input. The encoder does not attend to this
    input, but its output frame is decoded, as in transformers' pipeline.
    """

    input_name = "input_features"
    unbiased = True

    def __init__(self, sampling_rate: int, padding_value: float) -> None:
        super().__init__(do_normalize=True, padding_value=padding_value, grid=mel_grid(sampling_rate))
        self.sampling_rate = sampling_rate

    @override
    def features(self, waveforms: Tensor) -> Tensor:
        # One call over the samples of all utterances end to end.
        size, (window, shift, _) = waveforms.shape[1], self.grid
        per_row = -(-size // shift)
        row = per_row * shift  # a whole number of shifts, so that every utterance begins a window
        samples = nn.functional.pad(waveforms.float(), (0, row - size)).flatten()
        mel = _log_mel(nn.functional.pad(samples, (0, window)), self.sampling_rate)  # (B · M, 80)
        whole = max((size - window) // shift + 1, 0)  # later ones reach into the next utterance
        return mel[: len(waveforms) * per_row].view(len(waveforms), per_row, MEL_BINS)[:, :whole]

    @override
    def _stacked(self, features: Tensor) -> Tensor:
        # (B, M, 80) → (B, ⌈M / 2⌉, 160). Always pads one frame; if M is even, the slice removes it: a traced
        # graph cannot branch.
        filled = nn.functional.pad(features, (0, 0, 0, MEL_STACK - 1), value=self.padding_value)
        size = filled.shape[1] // MEL_STACK
        return filled[:, : size * MEL_STACK].reshape(features.shape[0], size, MEL_STACK * MEL_BINS)


def _log_mel(waveform: Tensor, sampling_rate: int) -> Tensor:
    """Return log energies of samples, (T,), in mel bins, (M, 80), as Kaldi computes them."""
    from torchaudio.compliance import kaldi  # here, because most networks do without it

    return kaldi.fbank(
        waveform[None] * KALDI_SCALE,
        num_mel_bins=MEL_BINS,
        sample_frequency=sampling_rate,
        frame_length=1000 * WINDOW_SECONDS,
        frame_shift=1000 * SHIFT_SECONDS,
        low_freq=LOWEST_HERTZ,
        preemphasis_coefficient=PREEMPHASIS,
        window_type="povey",
        dither=0.0,
    )


def frontend_of(model_type: str, audio: AudioParams) -> WaveformFrontend:
    """Return the front end of a family of networks."""
    if model_type == "wav2vec2-bert":
        return LogMelFrontend(audio.sampling_rate, audio.padding_value)
    return WaveformFrontend(audio.do_normalize, audio.padding_value)
