"""What training leaves alone of an encoder, as something that can be asked once for all epochs."""

import hashlib
import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dataset_modules.batches.batch import AudioParams, Batch
from dataset_modules.batches.trainer_limits import is_whole_epoch
from models.network.acoustic_forward import AcousticForward
from models.network.frame_count import Counts

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from models.phoneme_recognizer import PhonemeRecognizer

log = logging.getLogger(__name__)

# Of a network's configuration: what its convolutions depend on, and what only training or the head uses.
_OF_CONVOLUTIONS = ("model_type", "conv_", "feat_extract_", "num_feat_extract_layers")
_WITHOUT_EFFECT = ("vocab_size", "pad_token_id", "final_dropout", "ctc_loss_reduction", "ctc_zero_infinity")


class KeptEncoderPart:
    """The frozen part of a built recogniser's encoder, under the run's precision.

    Args:
        acoustic: the network and how it hears; it says which part is meant.
        audio: facts about the audio.
        num_frames: what that part makes of utterances of these lengths.
        precision: the Trainer's, by name.
        autocast: what its forward passes run under.
        required: whether the configuration insists on keeping what it makes.
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
        network = self.acoustic.network
        if self.acoustic.kept_part == "convolutions":
            return int(network.config.conv_dim[-1])
        return int(network.lm_head.in_features)

    def fingerprint(self) -> str:
        """Of weights, architecture, audio facts, precision, the device and the libraries that compute."""
        import transformers

        part, settings = _part_and_settings(self.acoustic)
        facts = [
            settings,
            vars(self.audio),
            self.acoustic.uses_attention_mask,
            self.precision,
            self.acoustic.network.device.type,
            torch.__version__,
            transformers.__version__,
        ]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
        for name, value in sorted(part.state_dict().items()):
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            digest.update(_bytes_of(value))
        return digest.hexdigest()

    def states(self, batch: Batch) -> list[NDArray[np.float32]]:
        """What it makes of each utterance, (F, C), as if each were alone."""
        device = self.acoustic.network.device
        waveforms = batch.waveforms.to(device, self.acoustic.network.dtype)  # as the Trainer gives them
        lengths = batch.waveform_lengths.to(device)
        with torch.no_grad(), self.autocast():
            states = self.acoustic.states(waveforms, lengths).cpu()
        counts = self.num_frames(batch.lengths_on_host()[0])
        return [utterance[:count].numpy() for utterance, count in zip(states, counts.tolist(), strict=True)]


def _part_and_settings(acoustic: AcousticForward) -> tuple[nn.Module, dict[str, Any]]:
    """The modules that are asked, and what of the configuration they depend on."""
    network = acoustic.network
    settings = network.config.to_dict()
    if acoustic.kept_part == "convolutions":
        names = [key for key in settings if key.startswith(_OF_CONVOLUTIONS)]
        return network.base_model.feature_extractor, {key: settings[key] for key in names}
    kept = {key: value for key, value in settings.items() if key not in _WITHOUT_EFFECT}
    return network.base_model, {**kept, "attention": network.config._attn_implementation}


def _bytes_of(value: Tensor) -> bytes:
    return value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def kept_part_of(model: "PhonemeRecognizer") -> KeptEncoderPart | None:
    """What of a model in training may be asked once, if that may be kept."""
    acoustic = model.acoustic
    if acoustic is None or acoustic.kept_part is None:
        return None
    insists = bool(model.switches.cache_encoder)
    if acoustic.kept_part == "convolutions" and not insists and not _suit_features(model):
        return None
    if (reason := _reason_against(model.trainer)) is not None:
        if insists:
            raise RuntimeError(f"model: cache_encoder: true: {reason}; set it to null or false")
        log.info("encoder cache: not used: %s", reason)
        return None
    plugin = model.trainer.precision_plugin
    return KeptEncoderPart(
        acoustic,
        model.audio_params,
        model.num_frames if acoustic.kept_part == "encoder" else acoustic.num_features,
        str(plugin.precision),
        plugin.forward_context,
        required=insists,
    )


def _suit_features(model: "PhonemeRecognizer") -> bool:
    """Whether features are kept unasked: a CPU trains, and the convolutions are not random ones."""
    is_pretrained = model.pretrained_name is not None or model.initial_weights is not None
    return is_pretrained and model.trainer.strategy.root_device.type == "cpu"


def _reason_against(trainer: "Trainer") -> str | None:
    """Why a run cannot keep what a part makes, or should not."""
    from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy

    if not isinstance(trainer.strategy, DDPStrategy | SingleDeviceStrategy):
        return f"{type(trainer.strategy).__name__} may keep parts of the encoder on each device"
    if not is_whole_epoch(trainer.limit_train_batches):
        return "a part of each epoch is trained on (trainer.limit_train_batches)"
    return None
