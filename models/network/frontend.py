"""Raw waveforms → what the encoder takes: normalised samples, or the log-mel frames of Wav2Vec2Bert."""

import torch
from torch import Tensor, nn

from dataset_modules.batches.batch import AudioParams

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
    count = lengths[:, None]
    mean = (waveforms * mask).sum(dim=1, keepdim=True, dtype=torch.float64) / count
    centred = (waveforms - mean.to(waveforms.dtype)) * mask
    variance = centred.square().sum(dim=1, keepdim=True, dtype=torch.float64) / count
    return centred / torch.sqrt(variance + VARIANCE_FLOOR).to(waveforms.dtype)


def log_mel(waveform: Tensor, sampling_rate: int) -> Tensor:
    """Log energies of samples, (T,), in 80 mel bins, (M, 80), as Kaldi has them."""
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

    @staticmethod
    def lengths(lengths: Tensor) -> Tensor:
        """Lengths of inputs for waveforms of these lengths, (B,)."""
        return lengths


class LogMelFrontend(nn.Module):
    """For Wav2Vec2Bert: 80 log-mel bins, normalised per bin, two frames stacked to one of 160.

    Where their number is odd, padding fills the last input. The encoder does not listen to it, but its frame
    counts, as it does in transformers' pipeline, which decodes all that comes out.
    """

    input_name = "input_features"
    mel_frames_per_input = MEL_STACK

    def __init__(self, sampling_rate: int, padding_value: float) -> None:
        super().__init__()
        self.sampling_rate = sampling_rate
        self.padding_value = padding_value
        self._window, self._shift = int(sampling_rate * 0.025), int(sampling_rate * 0.010)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, F, 160) and how many the encoder listens to; in full precision, whatever trains."""
        with torch.autocast(waveforms.device.type, enabled=False):
            return self._batch(waveforms, lengths)

    def lengths(self, lengths: Tensor) -> Tensor:
        """Lengths of inputs for waveforms of these lengths, (B,), a half-filled one included."""
        return (self._windows(lengths) + MEL_STACK - 1) // MEL_STACK

    def _windows(self, lengths: Tensor) -> Tensor:
        """How many windows lie wholly within, (B,)."""
        return ((lengths - self._window) // self._shift + 1).clamp(min=0)

    def _batch(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        counts = self._windows(lengths)
        mel = _normalise_bins(self._mel(waveforms.float()), counts)
        padding = ~length_mask(counts, mel.shape[1])[:, :, None]
        features = stacked(mel.masked_fill(padding, self.padding_value), self.padding_value)
        return features.to(waveforms.dtype), counts // MEL_STACK

    def _mel(self, waveforms: Tensor) -> Tensor:
        """Log-mel frames of all utterances, (B, F, 80), by one call over their samples end to end."""
        size = waveforms.shape[1]
        per_row = -(-size // self._shift)
        row = per_row * self._shift  # a whole number of shifts, so that every utterance begins a window
        samples = nn.functional.pad(waveforms, (0, row - size)).flatten()
        mel = log_mel(nn.functional.pad(samples, (0, self._window)), self.sampling_rate)
        whole = max((size - self._window) // self._shift + 1, 0)  # later ones reach into the next utterance
        return mel[: len(waveforms) * per_row].view(len(waveforms), per_row, MEL_BINS)[:, :whole]


def stacked(mel: Tensor, padding_value: float) -> Tensor:
    """Neighbouring mel frames, (…, M, 80), side by side: (…, ⌈M / 2⌉, 160)."""
    # One more than needed where M is even, and cut off again: a graph that is traced must not ask.
    filled = nn.functional.pad(mel, (0, 0, 0, MEL_STACK - 1), value=padding_value)
    size = filled.shape[-2] // MEL_STACK
    return filled[..., : size * MEL_STACK, :].reshape(*mel.shape[:-2], size, MEL_STACK * MEL_BINS)


Frontend = WaveformFrontend | LogMelFrontend


def frontend_of(model_type: str, audio: AudioParams) -> Frontend:
    """What a family of networks hears."""
    if model_type == "wav2vec2-bert":
        return LogMelFrontend(audio.sampling_rate, audio.padding_value)
    return WaveformFrontend(audio.do_normalize, audio.padding_value)


def _normalise_bins(mel: Tensor, counts: Tensor) -> Tensor:
    """Bring each bin, (B, F, 80), to zero mean and unit variance over an utterance's frames.

    Sums are taken in float64, so that the padding of a batch does not move the result.
    """
    mask = length_mask(counts, mel.shape[1])[:, :, None]
    frames = counts[:, None, None]
    mean = (mel * mask).sum(dim=1, keepdim=True, dtype=torch.float64) / frames
    centred = (mel - mean.to(mel.dtype)) * mask
    variance = centred.square().sum(dim=1, keepdim=True, dtype=torch.float64) / (frames - 1)
    return centred / torch.sqrt(variance + VARIANCE_FLOOR).to(mel.dtype)
