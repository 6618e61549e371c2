"""The loss of a training batch: CTC, with what the configuration adds."""

import torch
from torch import Tensor

from dataset_modules.batches.batch import Batch
from models.network.acoustic_forward import AcousticForward
from models.objective.consistency import Consistency, disagreement
from models.objective.inner_layers import InnerStates, IntermediateCTC
from models.objective.label_prior import LossesOf, TokenPrior


class TrainingObjective:
    """Computes the loss of batches; a part with weight 0 is left out, as if it were not configured.

    Args:
        acoustic: the forward pass.
        intermediate: CTC over inner layers; null adds none.
        consistency: agreement between two views; null takes one view.
        prior: of the tokens, for the last layer's CTC; null leaves it plain.
    """

    def __init__(
        self,
        acoustic: AcousticForward,
        intermediate: IntermediateCTC | None = None,
        consistency: Consistency | None = None,
        prior: TokenPrior | None = None,
    ) -> None:
        self._acoustic = acoustic
        self._prior = prior
        self._intermediate = intermediate if intermediate and intermediate.weight else None
        self._consistency = consistency if consistency and consistency.weight else None
        self._inner = InnerStates(acoustic.network, self._intermediate.layers) if self._intermediate else None
        if self._consistency and acoustic.masking is not None:
            acoustic.masking.factor = self._consistency.mask_factor

    def __call__(self, batch: Batch, frames: Tensor, losses_of: LossesOf) -> Tensor:
        """Return the mean loss of a batch, of which ``frames``, (B,), are real."""
        scores, loss = self._view(batch, frames, losses_of)
        if self._consistency is None:
            return loss
        others, other_loss = self._view(batch, frames, losses_of)
        penalty = disagreement(scores, others, frames)
        return 0.5 * (loss + other_loss) + self._consistency.weight * penalty

    def _view(self, batch: Batch, frames: Tensor, losses_of: LossesOf) -> tuple[Tensor, Tensor]:
        """Return the scores, (B, F, V), and the mean loss of one forward pass."""
        if self._inner is None or self._intermediate is None:
            scores = self._acoustic.batch_scores(batch, training=True)
            return scores, self._last_losses(scores, batch, frames, losses_of).mean()
        with self._inner.taken() as states:
            scores = self._acoustic.batch_scores(batch, training=True)
        loss = self._last_losses(scores, batch, frames, losses_of).mean()
        inner = [losses_of(self._acoustic.head(self._inner.normed(one))).mean() for one in states.values()]
        if not inner:  # all of these layers were dropped
            return scores, loss
        weight = self._intermediate.weight
        return scores, (1 - weight) * loss + weight * torch.stack(inner).mean()

    def _last_losses(self, scores: Tensor, batch: Batch, frames: Tensor, losses_of: LossesOf) -> Tensor:
        if self._prior is None:
            return losses_of(scores)
        return self._prior.losses(scores, frames, batch.label_lengths, losses_of)
