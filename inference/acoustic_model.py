"""A trained network by itself: features of a recording → log-probabilities of tokens per frame.

Nothing here needs the Trainer, or loads it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dataset_modules.batches.batch import AudioParams
from inference.streaming.features import Inputs, LogMelFeatures, SampleFeatures
from models.network.frame_count import Counts, frames_of
from models.network.frame_times import FrameClock, frame_clock
from models.network.frontend import length_mask
from models.network.pretrained import build_network, frame_lengths, needs_attention_mask
from models.weights import CHECKPOINT_KEY, CheckpointError, read_checkpoint
from phonetics import Vocabulary

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_PREFIX = "network."
_MASK_PREFIX = ("masked_spec_embed",)


class AcousticModel:
    """Network, vocabulary and facts about audio of one checkpoint."""

    def __init__(
        self,
        network: "PreTrainedModel",
        vocabulary: Vocabulary,
        audio_params: AudioParams,
        device: torch.device | str = "cpu",
    ) -> None:
        self.network = network.eval().requires_grad_(False).to(device)
        self.vocabulary = vocabulary
        self.audio_params = audio_params
        self.device = torch.device(device)
        self.uses_attention_mask = _mask_policy(network.config, audio_params)
        self.features = features_for(network.config, audio_params)
        self.clock: FrameClock = frame_clock(
            network.config, self.features.mel_frames_per_input, audio_params.sampling_rate
        )

    @classmethod
    def from_checkpoint(cls, path: Path, device: torch.device | str = "cpu") -> "AcousticModel":
        """Build the network that a checkpoint describes, with its weights; nothing else is needed."""
        checkpoint = read_checkpoint(path)
        described = checkpoint.get(CHECKPOINT_KEY)
        if not described:
            raise CheckpointError(
                f"{path}: does not say what its weights mean; train writes checkpoints that do"
            )
        network = build_network(_configuration(described["network_config"]), None)
        _load(network, checkpoint["state_dict"], path)
        return cls(
            network,
            Vocabulary(tuple(described["vocabulary"])),
            AudioParams(**described["audio_params"]),
            device,
        )

    def num_frames(self, num_samples: int) -> int:
        """How many frames a stretch of samples has."""
        return int(self.frame_counts(np.array([num_samples]))[0])

    def frame_counts(self, num_samples: Counts) -> Counts:
        """How many frames utterances of these lengths have."""
        mel_frames, rate = self.features.mel_frames_per_input, self.audio_params.sampling_rate
        return frames_of(self.network.config, num_samples, mel_frames, rate)

    @torch.inference_mode()
    def log_probs(self, inputs: Sequence[Inputs]) -> list[Tensor]:
        """Scores of each utterance's frames, (F, V), from its normalised features."""
        if self.uses_attention_mask or len({len(one.features) for one in inputs}) == 1:
            return self._padded(inputs)
        return [self._padded([one])[0] for one in inputs]  # padding would be heard

    def _padded(self, inputs: Sequence[Inputs]) -> list[Tensor]:
        lengths = torch.tensor([len(one.features) for one in inputs])
        rows = [one.features for one in inputs]
        batch = pad_sequence(rows, True, self.audio_params.padding_value).to(self.device)
        mask = None
        if self.uses_attention_mask:
            heard = torch.tensor([one.num_heard for one in inputs])
            mask = length_mask(heard, batch.shape[1]).long().to(self.device)
        logits = self.network(**{self.features.input_name: batch, "attention_mask": mask}).logits
        scores = logits.float().log_softmax(dim=-1).cpu()
        frames = frame_lengths(self.network, lengths).tolist()
        return [utterance[:count] for utterance, count in zip(scores, frames, strict=True)]


def features_for(config: "PretrainedConfig", audio_params: AudioParams) -> SampleFeatures | LogMelFeatures:
    """What a family of networks hears."""
    if config.model_type == "wav2vec2-bert":
        return LogMelFeatures(audio_params.sampling_rate, audio_params.padding_value)
    return SampleFeatures(audio_params.do_normalize)


def _mask_policy(config: "PretrainedConfig", audio_params: AudioParams) -> bool:
    chosen = audio_params.return_attention_mask
    return needs_attention_mask(config) if chosen is None else chosen


def _configuration(text: str) -> "PretrainedConfig":
    from transformers import AutoConfig

    described: dict[str, Any] = json.loads(text)
    return AutoConfig.for_model(described.pop("model_type"), **described)


def _load(network: "PreTrainedModel", state: dict[str, Tensor], path: Path) -> None:
    weights = {name.removeprefix(_PREFIX): value for name, value in state.items() if name.startswith(_PREFIX)}
    result = network.load_state_dict(weights, strict=False)
    absent = [name for name in result.missing_keys if not name.endswith(_MASK_PREFIX)]
    if absent or result.unexpected_keys:
        raise CheckpointError(
            f"{path}: its weights must fit the network it describes; absent: {absent[:4]}, "
            f"unknown: {list(result.unexpected_keys)[:4]}"
        )
