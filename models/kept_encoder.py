"""The frozen part of an encoder, whose features can be computed once and cached for all epochs."""

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.batches.batch import Batch
from dataset_modules.batches.trainer_limits import is_whole_epoch
from models.network.acoustic_forward import AcousticForward
from models.network.additions.extension import num_mixed_layers
from models.network.frames import Counts, convolved_frames, frames_of

if TYPE_CHECKING:
    from lightning.pytorch import Trainer
    from lightning.pytorch.plugins import Precision

log = logging.getLogger(__name__)

# Settings that the convolutions depend on, and settings that only training or the head uses.
_OF_CONVOLUTIONS = ("model_type", "conv_", "feat_extract_", "num_feat_extract_layers")
_WITHOUT_EFFECT = ("vocab_size", "pad_token_id", "final_dropout", "ctc_loss_reduction", "ctc_zero_infinity")


@dataclass(frozen=True)
class FrozenEncoderPart:
    """The frozen part of a built network, under the Trainer's precision."""

    acoustic: AcousticForward
    audio: AudioParams
    precision: "Precision"
    required: bool  # whether the configuration insists on cached features

    @property
    def width(self) -> int:
        """The number of features per frame."""
        network = self.acoustic.network
        if self.acoustic.kept_part == "convolutions":
            return int(network.config.conv_dim[-1])
        return int(network.lm_head.in_features) * num_mixed_layers(network)

    def num_frames(self, num_samples: Counts) -> Counts:
        """Return the frames of the part's features, (B,), for utterances of these lengths."""
        config, grid = self.acoustic.network.config, self.acoustic.frontend.grid
        if self.acoustic.kept_part == "convolutions":
            return convolved_frames(config, grid.num_inputs(num_samples))
        return frames_of(config, num_samples, grid)

    def fingerprint(self) -> str:
        """Digest weights, architecture, audio facts, precision, device and the libraries' versions."""
        import transformers

        part, settings = _part_and_settings(self.acoustic)
        facts = [
            settings,
            vars(self.audio),
            self.acoustic.uses_attention_mask,
            str(self.precision.precision),
            self.acoustic.network.device.type,
            torch.__version__,
            transformers.__version__,
        ]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
        for name, value in sorted(part.state_dict().items()):
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            digest.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def states(self, batch: Batch) -> list[NDArray[np.float32]]:
        """Return the features of each utterance, (F, C), independent of the batch's padding."""
        network = self.acoustic.network
        waveforms = batch.waveforms.to(network.device, network.dtype)  # as the Trainer moves batches
        lengths = batch.waveform_lengths.to(network.device)
        with torch.no_grad(), self.precision.forward_context():
            states = self.acoustic.states(waveforms, lengths).cpu()
        counts = self.num_frames(batch.lengths_on_host()[0])
        return [utterance[:count].numpy() for utterance, count in zip(states, counts.tolist(), strict=True)]


def _part_and_settings(acoustic: AcousticForward) -> tuple[nn.Module, dict[str, Any]]:
    """Return the frozen modules and the part of the configuration that they depend on."""
    network = acoustic.network
    settings = network.config.to_dict()
    if acoustic.kept_part == "convolutions":
        names = [key for key in settings if key.startswith(_OF_CONVOLUTIONS)]
        return network.base_model.feature_extractor, {key: settings[key] for key in names}
    kept = {key: value for key, value in settings.items() if key not in _WITHOUT_EFFECT}
    return network.base_model, {**kept, "attention": network.config._attn_implementation}


def cacheable_part(
    acoustic: AcousticForward, audio: AudioParams, trainer: "Trainer", *, required: bool, is_pretrained: bool
) -> FrozenEncoderPart | None:
    """Return the frozen part whose features this run may cache, if there is one.

    Features of convolutions that are not pretrained are useless to other runs: cached only where required.
    """
    if acoustic.kept_part is None:
        return None
    pays = is_pretrained and trainer.strategy.root_device.type == "cpu"
    if acoustic.kept_part == "convolutions" and not required and not pays:
        return None
    if (reason := _reason_against(trainer)) is not None:
        if required:
            raise RuntimeError(f"model: cache_encoder: true: {reason}; set it to null or false")
        log.info("encoder cache: not used: %s", reason)
        return None
    return FrozenEncoderPart(acoustic, audio, trainer.precision_plugin, required)


def _reason_against(trainer: "Trainer") -> str | None:
    """Return why a run cannot or should not cache features; None where nothing is against it."""
    from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy

    if not isinstance(trainer.strategy, DDPStrategy | SingleDeviceStrategy):
        return f"{type(trainer.strategy).__name__} may keep parts of the encoder on each device"
    if not is_whole_epoch(trainer.limit_train_batches):
        return "a part of each epoch is trained on (trainer.limit_train_batches)"
    return None
