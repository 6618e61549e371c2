"""Waveforms → log-probabilities, padded or utterance by utterance, and the states of the encoder between."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from dataset_modules.contract import BUCKET_RATIO
from models.frame_count import Counts
from models.frontend import Frontend, length_mask
from models.latent_masking import LatentMasking
from models.network import encoder_frames, frame_lengths

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_Run = Callable[[dict[str, Tensor | None]], Tensor]  # inputs of a network → (B, F, …)
_ALIGNMENT = 160  # samples; compiled shapes are multiples of it


class AcousticForward:
    """A built network as it hears batches; holds no parameters of its own.

    Args:
        network: with its head.
        frontend: what the network hears.
        uses_attention_mask: whether padding is masked; where it is not, only training pads.
        masking: of stretches of time in training; null masks none.
        compiles: whether training goes through ``torch.compile``, with few shapes.
    """

    def __init__(
        self,
        network: "PreTrainedModel",
        frontend: Frontend,
        *,
        uses_attention_mask: bool,
        masking: LatentMasking | None,
        compiles: bool = False,
    ) -> None:
        self.network = network
        self.frontend = frontend
        self.uses_attention_mask = uses_attention_mask
        self.masking = masking
        self.compiles = compiles
        self._in_training = torch.compile(network, dynamic=True) if compiles else network

    def training_scores(self, waveforms: Tensor, lengths: Tensor, num_samples: Counts) -> Tensor:
        """Log-probabilities, (B, F, V), of a padded batch; nothing here waits for the device.

        Args:
            waveforms: (B, T).
            lengths: (B,) samples.
            num_samples: the same, on the host.
        """
        if self.compiles:
            waveforms = F.pad(waveforms, (0, round_up(waveforms.shape[1]) - waveforms.shape[1]))
        # Stacks of mel frames may be half-filled at the end of any utterance.
        padded = int(num_samples.min()) < waveforms.shape[1] or self.frontend.mel_frames_per_input > 0
        inputs = self._inputs(waveforms, lengths, padded=padded)
        if self.masking is None:
            return self._head_scores(inputs, self._in_training)
        self._draw_mask(self.masking, inputs, num_samples)
        try:
            scores = self._head_scores(inputs, self._in_training)
        finally:
            self.masking.skip()  # evaluation hears every frame, also after a step that did not fit
        # Keeps the mask's embedding in the graph where nothing was masked: other ranks wait for it.
        return scores + 0.0 * self.network.base_model.masked_spec_embed.sum()

    def _draw_mask(
        self, masking: LatentMasking, inputs: dict[str, Tensor | None], num_samples: Counts
    ) -> None:
        """Draw on the host which frames the encoder does not hear in this step."""
        heard = inputs[self.frontend.input_name]
        if heard is None:
            raise RuntimeError("AcousticForward: the front end has made no inputs")
        lengths = encoder_frames(self.network, self.frontend.lengths(torch.from_numpy(num_samples)))
        num_frames = int(encoder_frames(self.network, torch.tensor(heard.shape[1])))
        masking.draw(lengths, num_frames, know_lengths=self.uses_attention_mask, device=heard.device)

    def scores(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Log-probabilities, (B, F, V), of each utterance as if it were alone."""
        return self._as_if_alone(waveforms, lengths, lambda inputs: self._head_scores(inputs, self.network))

    def states(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """The encoder's last states, (B, F, H), of each utterance as if it were alone."""
        base = self.network.base_model
        return self._as_if_alone(waveforms, lengths, lambda inputs: base(**inputs).last_hidden_state.float())

    def head(self, states: Tensor) -> Tensor:
        """Log-probabilities, (B, F, V), of the encoder's states, (B, F, H)."""
        network = self.network
        return network.lm_head(network.dropout(states)).float().log_softmax(dim=-1)

    @staticmethod
    def _head_scores(inputs: dict[str, Tensor | None], network: Callable[..., object]) -> Tensor:
        logits: Tensor = network(**inputs).logits  # type: ignore[attr-defined]
        return logits.float().log_softmax(dim=-1)

    def _inputs(self, waveforms: Tensor, lengths: Tensor, *, padded: bool) -> dict[str, Tensor | None]:
        inputs, sizes = self.frontend(waveforms, lengths)
        masks = self.uses_attention_mask and padded
        mask = length_mask(sizes, inputs.shape[1]).long() if masks else None
        return {self.frontend.input_name: inputs, "attention_mask": mask}

    def _as_if_alone(self, waveforms: Tensor, lengths: Tensor, run: _Run) -> Tensor:
        if self.uses_attention_mask:
            return run(self._inputs(waveforms, lengths, padded=True))
        return self._one_length_at_a_time(waveforms, lengths, run)

    def _one_length_at_a_time(self, waveforms: Tensor, lengths: Tensor, run: _Run) -> Tensor:
        """Without a mask, padding would move the figures."""
        pieces = [
            (members, run(self._inputs(waveforms[members, :length], lengths[members], padded=False)))
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
