"""The audio format that data and model share; importing it costs nothing."""

from dataclasses import dataclass

LOWEST_MODEL_RATE, HIGHEST_MODEL_RATE = 100, 768_000  # samples per second


@dataclass(frozen=True)
class AudioParams:
    """The audio format shared by data, model and export.

    Args:
        sampling_rate: samples per second of the model's input; recordings are resampled to it.
        padding_value: the value that pads waveforms after normalisation.
        feature_size: the number of channels; every supported model takes one.
        return_attention_mask: whether the model gets an attention mask; null follows its family
            (layer-norm models need one, group-norm models must not get one).
        do_normalize: whether each waveform is normalised to zero mean and unit variance.
    """

    sampling_rate: int = 16000
    padding_value: float = 0.0
    feature_size: int = 1
    return_attention_mask: bool | None = None
    do_normalize: bool = True

    def __post_init__(self) -> None:
        """Refuse a format that no supported model takes."""
        if not LOWEST_MODEL_RATE <= self.sampling_rate <= HIGHEST_MODEL_RATE:
            raise ValueError(
                f"audio_params: sampling_rate must be between {LOWEST_MODEL_RATE} and {HIGHEST_MODEL_RATE}, "
                f"got {self.sampling_rate}"
            )
        if self.feature_size != 1:
            raise ValueError(
                f"audio_params: feature_size must be 1 (one channel of raw audio), got {self.feature_size}"
            )
