"""Waveforms → log-probabilities, padded or utterance by utterance, in one pass or with a stop between.

A stop is where a part that never changes ends: behind the convolutions, or behind the whole encoder.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dataset_modules.batches.batch import BUCKET_RATIO
from models.network.feature_entrance import let_features_in
from models.network.frame_count import Counts, convolved_frames
from models.network.frontend import Frontend, length_mask
from models.network.latent_masking import LatentMasking
from models.network.pretrained import FrozenPart, encoder_frames, frame_lengths

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_Run = Callable[[Tensor, Tensor | None], Tensor]  # what a network hears, and a mask of it → (B, F, …)
_ALIGNMENT = 160  # samples; compiled shapes are multiples of it


class AcousticForward:
    """A built network as it hears batches; holds no parameters of its own.

    Args:
        network: with its head.
        frontend: what the network hears.
        uses_attention_mask: whether padding is masked; where it is not, only training pads.
        masking: of stretches of time in training; null masks none.
        kept_part: what never changes, and may have been asked before.
        compiles: whether training goes through ``torch.compile``, with few shapes.
    """

    def __init__(
        self,
        network: "PreTrainedModel",
        frontend: Frontend,
        *,
        uses_attention_mask: bool,
        masking: LatentMasking | None,
        kept_part: FrozenPart | None = None,
        compiles: bool = False,
    ) -> None:
        self.network = network
        self.frontend = frontend
        self.uses_attention_mask = uses_attention_mask
        self.masking = masking
        self.kept_part = kept_part
        self.compiles = compiles
        if kept_part == "convolutions":
            let_features_in(network)
        self._in_training = torch.compile(network, dynamic=True) if compiles else network

    def training_scores(self, waveforms: Tensor, lengths: Tensor, num_samples: Counts) -> Tensor:
        """Log-probabilities, (B, F, V), of a padded batch; nothing here waits for the device.

        Args:
            waveforms: (B, T).
            lengths: (B,) samples.
            num_samples: the same, on the host.
        """
        waveforms = F.pad(waveforms, (0, self._padded_to(waveforms.shape[1]) - waveforms.shape[1]))
        # Stacks of mel frames may be half-filled at the end of any utterance.
        padded = int(num_samples.min()) < waveforms.shape[1] or self.frontend.mel_frames_per_input > 0
        heard, mask = self._inputs(waveforms, lengths, padded=padded)
        return self._scores_in_training(heard, mask, num_samples, self._num_frames(heard.shape[1]))

    def scores_of_kept(self, kept: Tensor, lengths: Tensor, num_samples: Counts, *, training: bool) -> Tensor:
        """Log-probabilities, (B, F, V), going on from what the frozen part has made.

        Args:
            kept: (B, F, C), padded with zeros.
            lengths: (B,) samples of the waveforms that it was made of.
            num_samples: the same, on the host.
            training: whether to mask, and to go through compiled code.
        """
        if self.kept_part == "encoder":
            return self.head(kept)
        longest = int(num_samples.max())
        padded_to = self._padded_to(longest) if training else longest
        num_frames = self._num_frames(padded_to)
        features = F.pad(kept, (0, 0, 0, num_frames - kept.shape[1])).transpose(1, 2)
        mask = length_mask(lengths, padded_to).long()
        if training:
            return self._scores_in_training(features, mask, num_samples, num_frames)
        return self._evaluated(features, mask)

    def _padded_to(self, num_samples: int) -> int:
        return round_up(num_samples) if self.compiles else num_samples

    def _scores_in_training(
        self, heard: Tensor, mask: Tensor | None, num_samples: Counts, num_frames: int
    ) -> Tensor:
        if self.masking is None:
            return self._head_scores(heard, mask, self._in_training)
        # Drawn on the host: which frames the encoder does not hear in this step.
        frames = encoder_frames(self.network, self.frontend.lengths(torch.from_numpy(num_samples)))
        self.masking.draw(frames, num_frames, know_lengths=self.uses_attention_mask, device=heard.device)
        try:
            scores = self._head_scores(heard, mask, self._in_training)
        finally:
            self.masking.skip()  # evaluation hears every frame, also after a step that did not fit
        # Keeps the mask's embedding in the graph where nothing was masked: other ranks wait for it.
        return scores + 0.0 * self.network.base_model.masked_spec_embed.sum()

    def num_features(self, num_samples: Counts) -> Counts:
        """Frames behind the convolutions, of utterances of these lengths."""
        return convolved_frames(self.network.config, num_samples)

    def _num_frames(self, num_inputs: int) -> int:
        """Frames within the encoder of inputs so long."""
        if self.frontend.mel_frames_per_input:
            return num_inputs
        return int(self.num_features(np.array(num_inputs)))

    def scores(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Log-probabilities, (B, F, V), of each utterance as if it were alone."""
        return self._as_if_alone(waveforms, lengths, self._evaluated)

    def states(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """What the frozen part makes, (B, F, C), of each utterance as if it were alone."""
        if self.kept_part == "convolutions":  # a frame is of its own samples, whatever comes behind
            inputs, _ = self.frontend(waveforms, lengths)
            features: Tensor = self.network.base_model.feature_extractor(inputs)
            return features.transpose(1, 2).float()
        return self._as_if_alone(waveforms, lengths, self._last_states)

    def _last_states(self, heard: Tensor, mask: Tensor | None) -> Tensor:
        inputs = {self.frontend.input_name: heard, "attention_mask": mask}
        states: Tensor = self.network.base_model(**inputs).last_hidden_state
        return states.float()

    def head(self, states: Tensor) -> Tensor:
        """Log-probabilities, (B, F, V), of the encoder's states, (B, F, H)."""
        network = self.network
        return network.lm_head(network.dropout(states)).float().log_softmax(dim=-1)

    def _evaluated(self, heard: Tensor, mask: Tensor | None) -> Tensor:
        return self._head_scores(heard, mask, self.network)

    def _head_scores(self, heard: Tensor, mask: Tensor | None, network: Callable[..., object]) -> Tensor:
        inputs = {self.frontend.input_name: heard, "attention_mask": mask}
        logits: Tensor = network(**inputs).logits  # type: ignore[attr-defined]
        return logits.float().log_softmax(dim=-1)

    def _inputs(self, waveforms: Tensor, lengths: Tensor, *, padded: bool) -> tuple[Tensor, Tensor | None]:
        heard, sizes = self.frontend(waveforms, lengths)
        masks = self.uses_attention_mask and padded
        return heard, length_mask(sizes, heard.shape[1]).long() if masks else None

    def _as_if_alone(self, waveforms: Tensor, lengths: Tensor, run: _Run) -> Tensor:
        if self.uses_attention_mask:
            return run(*self._inputs(waveforms, lengths, padded=True))
        return self._one_length_at_a_time(waveforms, lengths, run)

    def _one_length_at_a_time(self, waveforms: Tensor, lengths: Tensor, run: _Run) -> Tensor:
        """Without a mask, padding would move the figures."""
        pieces = [
            (members, run(*self._inputs(waveforms[members, :length], lengths[members], padded=False)))
            for length, members in unpadded_groups(lengths)
        ]
        longest = max(piece.shape[1] for _, piece in pieces)
        joined = pieces[0][1].new_zeros(len(waveforms), longest, pieces[0][1].shape[2])
        for members, piece in pieces:
            joined[members, : piece.shape[1]] = piece
        return joined

    def frames(self, lengths: Tensor) -> Tensor:
        """Frames of the encoder's output, (B,), for waveforms of these lengths, on their device."""
        return frame_lengths(self.network, self.frontend.lengths(lengths))


def unpadded_groups(lengths: Tensor) -> list[tuple[int, Tensor]]:
    """The different lengths of a batch, (B,), and the utterances that have them.

    >>> [(length, members.tolist()) for length, members in unpadded_groups(torch.tensor([3, 5, 3]))]
    [(3, [0, 2]), (5, [1])]
    """
    return [(length, torch.nonzero(lengths == length)[:, 0]) for length in torch.unique(lengths).tolist()]


def round_up(num_samples: int) -> int:
    """The next of few lengths: the edges of the buckets that batches are cut from.

    >>> [round_up(seconds * 16000) / 16000 for seconds in (1, 2, 12)]
    [1.02, 2.04, 12.9]
    """
    edge = BUCKET_RATIO ** math.ceil(math.log(max(num_samples, 1)) / math.log(BUCKET_RATIO))
    return -(-round(edge) // _ALIGNMENT) * _ALIGNMENT
