"""What the data rooms and the model rooms agree on: audio facts, and the batch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Lengths of clips that are batched together differ by at most this factor, which bounds the padding.
BUCKET_RATIO = 1.08


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
    """Utterances as the model takes them: waveforms, or what the frozen part of its encoder made of them."""

    waveforms: Tensor  # (B, T) float32, zero-padded; (B, 0) beside encoder states
    waveform_lengths: Tensor  # (B,) samples
    labels: Tensor  # (B, L) int64, padded with the blank
    label_lengths: Tensor  # (B,)
    ids: tuple[str, ...]
    languages: tuple[str | None, ...] = ()  # one for each utterance, or none where nobody says
    rows: tuple[int, ...] = ()  # places in the split, by which more of an utterance can be looked up
    # Both lengths as the host knows them: to read them from an accelerator is to wait for it.
    num_samples: NDArray[np.int64] | None = None  # (B,)
    num_labels: NDArray[np.int64] | None = None  # (B,)
    encoder_states: Tensor | None = None  # (B, F, C) float32, zero-padded; of its last frozen layer

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device; nothing waits for one that orders its own work.

        Other devices would read a copy before it is there. Lightning would look for tensors item by item,
        in every step.
        """
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=device.type == "cuda")
            for name, value in zip(self._fields, self, strict=True)
            if isinstance(value, Tensor)
        }
        return self._replace(**moved)

    def lengths_on_host(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Samples and labels of each utterance, (B,); a batch made by hand has them only on its device."""
        if self.num_samples is not None and self.num_labels is not None:
            return self.num_samples, self.num_labels
        return self.waveform_lengths.cpu().numpy(), self.label_lengths.cpu().numpy()


class FrozenEncoder(Protocol):
    """What training does not change of an encoder: what that makes of an utterance can be kept."""

    @property
    def width(self) -> int:
        """Numbers per frame."""

    @property
    def required(self) -> bool:
        """Whether the configuration insists on keeping its states."""

    def fingerprint(self) -> str:
        """Of everything that its states depend on, beside the utterance."""

    def num_frames(self, num_samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Frames that it makes of utterances of these lengths."""

    def states(self, batch: Batch) -> list[NDArray[np.float32]]:
        """What it makes of each utterance, (F, C), as if each were alone."""


class ModelInterface(NamedTuple):
    """All that the data module needs of the model; without a model, nothing."""

    num_frames: Callable[[NDArray[np.int64]], NDArray[np.int64]] | None = None  # samples → frames, (N,)
    frozen_encoder: Callable[[], FrozenEncoder | None] = lambda: None  # None where nothing is to be cached
    # (clips, samples of each) → whether the device has memory for a training step on them.
    fits: Callable[[int, int], bool] | None = None
