"""The contract between data and model: the audio format, the batch, and the model's interface."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dataset_modules.batches.audio_params import AudioParams as AudioParams  # a part of this contract

# Lengths of clips that are batched together differ by at most this factor, which bounds the padding.
BUCKET_RATIO = 1.08


class Batch(NamedTuple):
    """Utterances as the model's input: waveforms, or features of the frozen encoder."""

    waveforms: Tensor  # (B, T) float32, zero-padded; (B, 0) beside encoder states
    waveform_lengths: Tensor  # (B,) samples
    labels: Tensor  # (B, L) int64, padded with the blank
    label_lengths: Tensor  # (B,)
    ids: tuple[str, ...]
    languages: tuple[str | None, ...] = ()  # one for each utterance, or empty
    rows: tuple[int, ...] = ()  # positions in the split, to look up further properties
    # Copies of both lengths in host memory: reading them from an accelerator would wait for it.
    num_samples: NDArray[np.int64] | None = None  # (B,)
    num_labels: NDArray[np.int64] | None = None  # (B,)
    encoder_states: Tensor | None = None  # (B, F, C) float32, zero-padded; from the last frozen layer

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device; copies to CUDA, which orders its work, are asynchronous.

        Lightning's own transfer would search every item for tensors in every step.
        """
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=device.type == "cuda")
            for name, value in zip(self._fields, self, strict=True)
            if isinstance(value, Tensor)
        }
        return self._replace(**moved)

    def lengths_on_host(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the lengths in host memory, (B,); a hand-made batch copies them from its device."""
        if self.num_samples is not None and self.num_labels is not None:
            return self.num_samples, self.num_labels
        return self.waveform_lengths.cpu().numpy(), self.label_lengths.cpu().numpy()


class FrozenEncoder(Protocol):
    """The part of an encoder that training does not change; its features can be cached."""

    @property
    def width(self) -> int:
        """The numbers per frame."""

    @property
    def required(self) -> bool:
        """Whether the configuration requires the cache."""

    def fingerprint(self) -> str:
        """Identify everything besides the utterance that the features depend on."""

    def num_frames(self, num_samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the frames of utterances of these lengths, (N,)."""

    def states(self, batch: Batch) -> list[NDArray[np.float32]]:
        """Return the features of each utterance without padding, (F, C)."""


class ModelInterface(NamedTuple):
    """Everything that the data module needs from the model; the defaults stand for no model."""

    num_frames: Callable[[NDArray[np.int64]], NDArray[np.int64]] | None = None  # samples → frames, (N,)
    frozen_encoder: Callable[[], FrozenEncoder | None] = lambda: None  # None disables the cache
    # (clips, samples of each) → whether the device has memory for a training step on them.
    fits: Callable[[int, int], bool] | None = None
