"""A trained network by itself: inputs of a recording → log-probabilities of tokens per frame.

Nothing here needs the Trainer, or loads it.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dataset_modules.batches.audio_params import AudioParams
from models.checkpoint_description import CheckpointDescription, described_network
from models.huggingface import HuggingFaceModel
from models.network.acoustic_forward import AcousticForward
from models.network.additions.base_weights import digest_of
from models.network.frames import Counts, frame_clock, frames_of
from models.network.frontend import Inputs, frontend_of
from models.network.pretrained import build_network, frame_lengths, mask_policy
from models.network.pretrained_head import CarriedHead
from models.weights import CheckpointError, read_checkpoint
from phonetics import Vocabulary
from untrusted.printing import printable

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_MOST_FRAMES_PER_SECOND = 1000  # speech needs 25 to 100; attention needs memory for their square
log = logging.getLogger(__name__)


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
        self.uses_attention_mask = mask_policy(network.config, audio_params.return_attention_mask)
        self.frontend = frontend_of(network.config.model_type, audio_params)
        self.acoustic = AcousticForward(
            self.network, self.frontend, uses_attention_mask=self.uses_attention_mask
        )
        self.clock = frame_clock(network.config, self.frontend.grid, audio_params.sampling_rate)

    @classmethod
    def from_checkpoint(cls, path: Path, device: torch.device | str = "cpu") -> "AcousticModel":
        """Build the network that a checkpoint describes, with its weights; nothing else is needed."""
        checkpoint = read_checkpoint(path)
        described = CheckpointDescription.of(checkpoint, path)
        if described is None:
            raise CheckpointError(f"{path}: does not describe its weights; train writes checkpoints that do")
        network, vocabulary, audio_params = described_network(described, checkpoint["state_dict"], path)
        return cls._usable(network, vocabulary, audio_params, device, source=path)

    @classmethod
    def from_huggingface(cls, name: str, device: torch.device | str = "cpu") -> "AcousticModel":
        """Build a CTC model of Hugging Face with its own tokens, from a folder or the hub."""
        source = HuggingFaceModel.read(name)
        if source.kind == "letters":
            log.warning("model: %s recognises letters, not phonemes: its transcripts are spelled texts", name)
        network = build_network(source.configuration, name, head=CarriedHead(len(source.vocabulary)))
        return cls._usable(network, source.vocabulary, source.audio_params, device, source=name)

    @classmethod
    def _usable(
        cls,
        network: "PreTrainedModel",
        vocabulary: Vocabulary,
        audio_params: AudioParams,
        device: torch.device | str,
        source: object,
    ) -> "AcousticModel":
        """Build the model of a network; refuse one that its files describe wrongly."""
        try:
            model = cls(network, vocabulary, audio_params, device)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{printable(source)} describes no network that can be used: {error}"
            ) from error
        frames_per_second = model.clock.sampling_rate / max(model.clock.stride, 1)
        if frames_per_second > _MOST_FRAMES_PER_SECOND or model.clock.stride < 1:
            raise CheckpointError(
                f"{printable(source)} describes a network of {frames_per_second:.0f} frames per second, "
                f"at most {_MOST_FRAMES_PER_SECOND} are supported"
            )
        return model

    @classmethod
    def load(cls, name: str | Path, device: torch.device | str = "cpu") -> "AcousticModel":
        """Build the model of a checkpoint file, or of a Hugging Face folder or hub id."""
        path = Path(name)
        return (
            cls.from_checkpoint(path, device) if path.is_file() else cls.from_huggingface(str(name), device)
        )

    def digest(self) -> str:
        """Return what identifies the weights, whatever file holds them."""
        return digest_of(self.network.state_dict())

    def num_frames(self, num_samples: int) -> int:
        """Return how many frames a stretch of samples has."""
        return int(self.frame_counts(np.array([num_samples]))[0])

    def frame_counts(self, num_samples: Counts) -> Counts:
        """Return how many frames utterances of these lengths have."""
        return frames_of(self.network.config, num_samples, self.frontend.grid)

    @torch.inference_mode()
    def log_probs(self, inputs: Sequence[Inputs]) -> list[Tensor]:
        """Return the scores of each utterance's frames, (F, V); an item of ``inputs`` is one utterance."""
        rows, sizes, attended = zip(
            *((one.values[0], one.sizes, one.attended) for one in inputs), strict=True
        )
        padded = pad_sequence(list(rows), batch_first=True, padding_value=self.audio_params.padding_value)
        batch = Inputs(*(part.to(self.device) for part in (padded, torch.cat(sizes), torch.cat(attended))))
        scores = self.acoustic.input_scores(batch).cpu()  # (B, F, V)
        frames = frame_lengths(self.network, batch.sizes).tolist()
        return [utterance[:count] for utterance, count in zip(scores, frames, strict=True)]
