"""Raw waveforms → what the encoder takes: normalised samples, or the log-mel frames of Wav2Vec2Bert."""

import torch
from torch import Tensor, nn

VARIANCE_FLOOR = 1e-7
MEL_BINS, MEL_STACK = 80, 2
KALDI_SCALE = 2.0**15  # Kaldi's filters expect samples of 16-bit size


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """True where an utterance is real, (B, size).

    >>> length_mask(torch.tensor([1, 2]), 2).tolist()
    [[True, False], [True, True]]
    """
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def normalise(waveforms: Tensor, lengths: Tensor) -> Tensor:
    """Bring the real part of each waveform, (B, T), to zero mean and unit variance.

    Sums are taken in float64, so that the padding of a batch does not move the result.
    """
    mask = length_mask(lengths, waveforms.shape[1])
    samples = waveforms.double() * mask
    count = lengths[:, None].double()
    mean = samples.sum(dim=1, keepdim=True) / count
    variance = (((samples - mean) * mask) ** 2).sum(dim=1, keepdim=True) / count
    return ((samples - mean) / torch.sqrt(variance + VARIANCE_FLOOR)).to(waveforms.dtype)


def log_mel(waveform: Tensor, sampling_rate: int) -> Tensor:
    """Log energies of one utterance's samples, (T,), in 80 mel bins, (M, 80), as Kaldi has them."""
    from torchaudio.compliance import kaldi  # here, because most networks do without it

    return kaldi.fbank(
        waveform[None] * KALDI_SCALE,
        num_mel_bins=MEL_BINS,
        sample_frequency=sampling_rate,
        window_type="povey",
        dither=0.0,
    )


class WaveformFrontend(nn.Module):
    """For encoders that hear samples: normalises, and fills the padding."""

    input_name = "input_values"
    mel_frames_per_input = 0  # it hears samples

    def __init__(self, do_normalize: bool, padding_value: float) -> None:
        super().__init__()
        self.do_normalize = do_normalize
        self.padding_value = padding_value

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (B, T) and their lengths."""
        inputs = normalise(waveforms, lengths) if self.do_normalize else waveforms
        return inputs.masked_fill(~length_mask(lengths, inputs.shape[1]), self.padding_value), lengths


class LogMelFrontend(nn.Module):
    """For Wav2Vec2Bert: 80 log-mel bins, normalised per bin, two frames stacked to one of 160."""

    input_name = "input_features"
    mel_frames_per_input = MEL_STACK

    def __init__(self, sampling_rate: int, padding_value: float) -> None:
        super().__init__()
        self.sampling_rate = sampling_rate
        self.padding_value = padding_value

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, F, 160) and their lengths in stacked frames; in full precision, whatever trains."""
        with torch.autocast(waveforms.device.type, enabled=False):
            return self._batch(waveforms, lengths)

    def _batch(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        frames = [self._features(wave[:size]) for wave, size in zip(waveforms, lengths.tolist(), strict=True)]
        features = nn.utils.rnn.pad_sequence(frames, batch_first=True, padding_value=self.padding_value)
        return features.to(waveforms.dtype), torch.tensor(
            [len(frame) for frame in frames], device=lengths.device
        )

    def _features(self, waveform: Tensor) -> Tensor:
        """The frames of one utterance, (F, 160)."""
        mel = log_mel(waveform.float(), self.sampling_rate)
        mel = (mel - mel.mean(dim=0)) / torch.sqrt(mel.var(dim=0, unbiased=True) + VARIANCE_FLOOR)
        usable = len(mel) // MEL_STACK * MEL_STACK
        return mel[:usable].reshape(-1, MEL_BINS * MEL_STACK)
