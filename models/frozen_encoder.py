"""An encoder that training leaves alone, as something that can be asked once for all epochs."""

import hashlib
import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dataset_modules.contract import AudioParams, Batch
from models.acoustic_forward import AcousticForward
from models.frame_count import Counts

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from models.phoneme_recognizer import PhonemeRecognizer

log = logging.getLogger(__name__)

# Of a network's configuration: what only training or the head uses.
_WITHOUT_EFFECT = ("vocab_size", "pad_token_id", "final_dropout", "ctc_loss_reduction", "ctc_zero_infinity")


class FrozenRecognizerEncoder:
    """The encoder of a built recogniser whose parts are frozen, under the run's precision.

    Args:
        acoustic: the network and how it hears.
        audio: facts about the audio.
        num_frames: frames of utterances.
        precision: the Trainer's, by name.
        autocast: what its forward passes run under.
        required: whether the configuration insists on keeping the states.
    """

    def __init__(
        self,
        acoustic: AcousticForward,
        audio: AudioParams,
        num_frames: Callable[[Counts], Counts],
        precision: str,
        autocast: Callable[[], AbstractContextManager[Any]],
        *,
        required: bool,
    ) -> None:
        self.acoustic = acoustic
        self.audio = audio
        self.num_frames = num_frames
        self.precision = precision
        self.autocast = autocast
        self.required = required

    @property
    def width(self) -> int:
        """Numbers per frame."""
        return int(self.acoustic.network.lm_head.in_features)

    def fingerprint(self) -> str:
        """Of weights, architecture, audio facts, precision and the libraries that compute."""
        import transformers

        network = self.acoustic.network
        settings = {
            key: value for key, value in network.config.to_dict().items() if key not in _WITHOUT_EFFECT
        }
        facts = [
            settings,
            vars(self.audio),
            self.acoustic.uses_attention_mask,
            network.config._attn_implementation,
            self.precision,
            torch.__version__,
            transformers.__version__,
        ]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
        for name, value in sorted(network.base_model.state_dict().items()):
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            digest.update(_bytes_of(value))
        return digest.hexdigest()

    def states(self, batch: Batch) -> list[NDArray[np.float32]]:
        """The last states of each utterance, (F, H), as if each were alone."""
        device = self.acoustic.network.device
        waveforms = batch.waveforms.to(device, self.acoustic.network.dtype)  # as the Trainer gives them
        lengths = batch.waveform_lengths.to(device)
        with torch.no_grad(), self.autocast():
            states = self.acoustic.states(waveforms, lengths).cpu()
        counts = self.num_frames(batch.lengths_on_host()[0])
        return [utterance[:count].numpy() for utterance, count in zip(states, counts.tolist(), strict=True)]


def _bytes_of(value: Tensor) -> bytes:
    return value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def frozen_encoder_of(model: "PhonemeRecognizer") -> FrozenRecognizerEncoder | None:
    """The encoder of a model in training, if its states may be kept."""
    insists = model.switches.cache_encoder
    if insists is False or model.acoustic is None:
        return None
    if not model.switches.freezes_all(model.network_configuration):
        return None
    if (reason := _reason_against(model.trainer)) is not None:
        if insists:
            raise RuntimeError(f"model: cache_encoder: true: {reason}; set it to null or false")
        log.info("encoder cache: not used: %s", reason)
        return None
    plugin = model.trainer.precision_plugin
    return FrozenRecognizerEncoder(
        model.acoustic,
        model.audio_params,
        model.num_frames,
        str(plugin.precision),
        plugin.forward_context,
        required=bool(insists),
    )


def _reason_against(trainer: "Trainer") -> str | None:
    """Why a run cannot keep states, or should not: parts of epochs are trained on, or weights are sharded."""
    from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy

    if not isinstance(trainer.strategy, DDPStrategy | SingleDeviceStrategy):
        return f"{type(trainer.strategy).__name__} may keep parts of the encoder on each device"
    limit = trainer.limit_train_batches
    if isinstance(limit, int) or limit != 1.0:  # 1 is one batch, 1.0 all of them
        return "a part of each epoch is trained on (trainer.limit_train_batches)"
    return None
