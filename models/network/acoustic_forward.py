"""Waveforms → log-probabilities: the one forward pass of training, evaluation, inference and export.

Training may cache the features of the part that never changes: the convolutions, or the whole encoder. The
pass then resumes behind that part.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dataset_modules.batches.batch import BUCKET_RATIO, Batch
from models.network.frames import Counts, convolved_frames
from models.network.frontend import Inputs, WaveformFrontend, length_mask
from models.network.latent_masking import LatentMasking
from models.network.pretrained import FrozenPart, accept_features, encoder_frames, frame_lengths

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ALIGNMENT = 160  # samples; compiled shapes are multiples of it


class AcousticForward:
    """The forward pass of a built network; holds no parameters itself.

    Args:
        network: the encoder with its head.
        frontend: computes the network's inputs.
        uses_attention_mask: whether padding is masked; without masks, only training batches are padded.
        masking: masks stretches of time in training; null masks none.
        kept_part: the part that never changes, whose features may be cached.
        compiles: whether training goes through ``torch.compile``, with few shapes.
    """

    def __init__(
        self,
        network: "PreTrainedModel",
        frontend: WaveformFrontend,
        *,
        uses_attention_mask: bool,
        masking: LatentMasking | None = None,
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
            accept_features(network)
        self._in_training = torch.compile(network, dynamic=True) if compiles else network

    def batch_scores(self, batch: Batch, *, training: bool) -> Tensor:
        """Return log-probabilities, (B, F, V); training does not wait for the device."""
        num_samples, _ = batch.lengths_on_host()
        if batch.encoder_states is not None:
            return self._cached_scores(
                batch.encoder_states, batch.waveform_lengths, num_samples, training=training
            )
        if training:
            return self.training_scores(batch.waveforms, batch.waveform_lengths, num_samples)
        return self.scores(batch.waveforms, batch.waveform_lengths)

    def training_scores(
        self,
        waveforms: Tensor,  # (B, T)
        lengths: Tensor,  # (B,) samples
        num_samples: Counts,  # the same, on the host
    ) -> Tensor:
        """Return log-probabilities, (B, F, V), of a padded batch."""
        if self.compiles:
            waveforms = F.pad(waveforms, (0, round_up(waveforms.shape[1]) - waveforms.shape[1]))
        inputs = self.frontend(waveforms, lengths)  # (B, N, …)
        # The last stack of mel frames may be half-filled in any utterance.
        is_padded = int(num_samples.min()) < waveforms.shape[1] or self.frontend.grid.stack > 1
        mask = self._attention_mask(inputs) if is_padded else None  # (B, N)
        num_frames = self._encoder_length(inputs.values.shape[1])
        return self._masked_scores(inputs.values, mask, num_samples, num_frames)

    def scores(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return log-probabilities, (B, F, V), of each utterance, independent of the batch's padding."""
        return self._without_padding(
            waveforms, lengths, lambda *of_length: self.padded_scores(self.frontend(*of_length))
        )

    def input_scores(self, inputs: Inputs) -> Tensor:
        """Return log-probabilities, (B, F, V), of inputs, independent of the batch's padding."""
        return self._without_padding(
            inputs.values,
            inputs.sizes,
            lambda values, _: self.padded_scores(inputs._replace(values=values)),  # masks need all inputs
        )

    def padded_scores(self, inputs: Inputs) -> Tensor:
        """Return log-probabilities, (B, F, V), of inputs; without an attention mask, padding counts."""
        return self._log_probs(inputs.values, self._attention_mask(inputs), self.network)

    def states(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return the features of the frozen part, (B, F, C), independent of the batch's padding."""
        if self.kept_part == "convolutions":  # a frame depends on its own samples alone
            inputs = self.frontend(waveforms, lengths).values
            features: Tensor = self.network.base_model.feature_extractor(inputs)  # (B, C, F)
            return features.transpose(1, 2).float()
        return self._without_padding(waveforms, lengths, self._padded_states)

    def head(self, states: Tensor) -> Tensor:
        """Return log-probabilities, (B, F, V), of the encoder's states, (B, F, H)."""
        network = self.network
        return network.lm_head(network.dropout(states)).float().log_softmax(dim=-1)

    def frames(self, lengths: Tensor) -> Tensor:
        """Return how many frames the encoder gives for waveforms of these lengths, (B,)."""
        return frame_lengths(self.network, self.frontend.grid.num_inputs(lengths))

    def _cached_scores(
        self, cached: Tensor, lengths: Tensor, num_samples: Counts, *, training: bool
    ) -> Tensor:
        """Return log-probabilities, (B, F, V), of cached features, (B, F, C), padded with zeros."""
        if self.kept_part == "encoder":
            return self.head(cached)
        longest = int(num_samples.max())
        padded_to = round_up(longest) if training and self.compiles else longest
        num_frames = self._encoder_length(padded_to)
        features = F.pad(cached, (0, 0, 0, num_frames - cached.shape[1])).transpose(1, 2)  # (B, C, F)
        mask = length_mask(lengths, padded_to).long()  # (B, T)
        if training:
            return self._masked_scores(features, mask, num_samples, num_frames)
        return self._log_probs(features, mask, self.network)

    def _masked_scores(
        self, values: Tensor, mask: Tensor | None, num_samples: Counts, num_frames: int
    ) -> Tensor:
        """Return log-probabilities in training, where stretches of time may be masked in the encoder."""
        if self.masking is None:
            return self._log_probs(values, mask, self._in_training)
        # Drawn on the host, which knows the lengths; a hook of ``masking`` passes the mask to the encoder.
        inputs = self.frontend.grid.num_inputs(torch.from_numpy(num_samples))
        frames = encoder_frames(self.network, inputs)
        if self.network.base_model.training:  # nothing is masked in a frozen encoder
            self.masking.draw(frames, num_frames, with_lengths=self.uses_attention_mask, device=values.device)
        try:
            scores = self._log_probs(values, mask, self._in_training)
        finally:
            self.masking.skip()  # evaluation masks nothing, also after a step that ran out of memory
        # Keeps the mask's embedding in the graph where nothing was masked: other ranks wait for it.
        return scores + 0.0 * self.network.base_model.masked_spec_embed.sum()

    def _log_probs(self, values: Tensor, mask: Tensor | None, network: Callable[..., object]) -> Tensor:
        logits: Tensor = network(**self._arguments(values, mask)).logits  # type: ignore[attr-defined]
        return logits.float().log_softmax(dim=-1)  # (B, F, V)

    def _arguments(self, values: Tensor, mask: Tensor | None) -> dict[str, Tensor | None]:
        return {self.frontend.input_name: values, "attention_mask": mask}

    def _attention_mask(self, inputs: Inputs) -> Tensor | None:
        if not self.uses_attention_mask:
            return None
        return length_mask(inputs.attended, inputs.values.shape[1]).long()  # (B, N)

    def _padded_states(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        inputs = self.frontend(waveforms, lengths)
        arguments = self._arguments(inputs.values, self._attention_mask(inputs))
        states: Tensor = self.network.base_model(**arguments).last_hidden_state
        return states.float()

    def _without_padding(
        self, waveforms: Tensor, lengths: Tensor, run: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        if self.uses_attention_mask:
            return run(waveforms, lengths)
        return each_length_alone(waveforms, lengths, run)

    def _encoder_length(self, num_inputs: int) -> int:
        """Return how many frames the encoder computes of a padded batch."""
        return int(convolved_frames(self.network.config, np.array(num_inputs)))


def each_length_alone(values: Tensor, lengths: Tensor, run: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Run utterances of equal length together: without a mask, padding would change the result.

    Args:
        values: (B, N, …), padded.
        lengths: how many of each utterance's values are real, (B,).
        run: values and lengths of some utterances → their results, (…, F, V).
    """
    pieces = []
    for length in torch.unique(lengths).tolist():
        members = torch.nonzero(lengths == length)[:, 0]
        pieces.append((members, run(values[members, :length], lengths[members])))
    longest = max(piece.shape[1] for _, piece in pieces)
    joined = pieces[0][1].new_zeros(len(values), longest, pieces[0][1].shape[2])
    for members, piece in pieces:
        joined[members, : piece.shape[1]] = piece
    return joined


def round_up(num_samples: int) -> int:
    """Round up to the next edge of a bucket of lengths, so that compiled training sees few shapes.

    >>> [round_up(seconds * 16000) / 16000 for seconds in (1, 2, 12)]
    [1.02, 2.04, 12.9]
    """
    edge = BUCKET_RATIO ** math.ceil(math.log(max(num_samples, 1)) / math.log(BUCKET_RATIO))
    return -(-round(edge) // _ALIGNMENT) * _ALIGNMENT
