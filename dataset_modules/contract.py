"""What the data rooms and the model rooms agree on: audio facts, and the batch."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


@dataclass(frozen=True)
class AudioParams:
    """Facts about audio shared by data, model and export.

    Args:
        sampling_rate: samples per second that the model hears; recordings are resampled to it.
        padding_value: what fills a waveform behind its end, after normalisation.
        feature_size: channels; every supported model hears one.
        return_attention_mask: whether the model gets an attention mask; null follows its family
            (layer-norm models need one, group-norm models must not get one).
        do_normalize: whether each waveform is brought to zero mean and unit variance.
    """

    sampling_rate: int = 16000
    padding_value: float = 0.0
    feature_size: int = 1
    return_attention_mask: bool | None = None
    do_normalize: bool = True

    def __post_init__(self) -> None:
        """Refuse what no model here can hear."""
        if self.sampling_rate <= 0:
            raise ValueError(f"audio_params: sampling_rate must be positive, got {self.sampling_rate}")
        if self.feature_size != 1:
            raise ValueError(
                f"audio_params: feature_size must be 1 (one channel of raw audio), got {self.feature_size}"
            )


class Batch(NamedTuple):
    """Utterances as the model takes them."""

    waveforms: Tensor  # (B, T) float32, zero-padded
    waveform_lengths: Tensor  # (B,) samples
    labels: Tensor  # (B, L) int64, padded with the blank
    label_lengths: Tensor  # (B,)
    ids: tuple[str, ...]
    languages: tuple[str | None, ...] = ()  # one for each utterance, or none where nobody says
    rows: tuple[int, ...] = ()  # places in the split, by which more of an utterance can be looked up
