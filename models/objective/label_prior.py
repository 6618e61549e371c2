"""CTC with label priors: a path scores by how much likelier its tokens are than they are in general.

Blanks are the most frequent token of a CTC network, which then places each phoneme in a single frame. Scores
divided by a power of the prior make paths with longer phonemes count more, in training alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from models.network.frontend import length_mask

LossesOf = Callable[[Tensor], Tensor]  # log-probabilities, (B, F, V) → CTC losses, (B,)
PRIOR_KEY = "label_prior"  # in checkpoints
_LEAST = 1e-8  # of a prior: a token that never occurs is in no path


@dataclass(frozen=True)
class LabelPrior:
    """CTC whose scores are divided by the prior of each token to a power; only in training.

    Args:
        weight: the power; 0 is plain CTC.
    """

    weight: float = 0.3

    def __post_init__(self) -> None:
        if not 0.0 <= self.weight <= 1.0:
            raise ValueError(f"model: label_prior: weight must lie in 0…1, got {self.weight}")


def prior_losses(
    log_probs: Tensor,  # (B, F, V)
    log_prior: Tensor,  # (V,) times its weight
    real: Tensor,  # (B, F) whether a frame is real
    num_labels: Tensor,  # (B,)
    losses_of: LossesOf,
) -> Tensor:
    """Return the CTC losses, (B,), of scores that are divided by a prior, and so are no probabilities.

    torch's gradient of CTC holds for probabilities alone. The scores are normed for it; each path has one
    token in every frame, so that the norms of the frames can be taken out of the loss again.
    """
    scores = log_probs.float() - log_prior
    norms = scores.logsumexp(dim=-1)  # (B, F)
    losses = losses_of(scores - norms[..., None])
    of_frames = (norms * real).sum(dim=1) / num_labels.clamp(min=1)
    return losses - torch.where(losses == 0, 0.0, of_frames)  # an utterance that is left out counts zero


class TokenPrior:
    """The mean probability of each token over the training frames of the last epoch; the first has none."""

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self._is_training = False  # batches that only try the memory do not count
        self._epoch = 0
        self._prior: Tensor | None = None  # (V,) of the last epoch
        self._sums: Tensor | None = None  # (V,) of this epoch, over all processes

    def enter(self, epoch: int) -> None:
        """Begin a training step; the first one of an epoch takes the means of the epoch before."""
        self._is_training = True
        if epoch != self._epoch and self._sums is not None:
            self._prior, self._sums = self._sums / self._sums.sum(), None
        self._epoch = epoch

    def losses(self, log_probs: Tensor, frames: Tensor, num_labels: Tensor, losses_of: LossesOf) -> Tensor:
        """Return the losses of a batch, (B,), of which ``frames``, (B,), are real; count its tokens."""
        device = log_probs.device
        real = length_mask(frames, log_probs.shape[1]).to(device)  # (B, F)
        if self._is_training:
            self._count(log_probs.detach(), real)
        if self._prior is None:
            return losses_of(log_probs)
        log_prior = self._weight * self._prior.clamp(min=_LEAST).log()
        return prior_losses(
            log_probs, log_prior.to(device, torch.float32), real, num_labels.to(device), losses_of
        )

    def _count(self, log_probs: Tensor, real: Tensor) -> None:
        """Add the probabilities of the real frames of all processes."""
        sums = (log_probs.float().exp() * real[..., None]).sum(dim=(0, 1))
        sums = sums if sums.device.type == "mps" else sums.double()
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(sums)
        self._sums = sums if self._sums is None else self._sums.to(sums) + sums

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        return {"epoch": self._epoch, "prior": self._prior, "sums": self._sums}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the state of a checkpoint."""
        self._epoch, self._prior, self._sums = state["epoch"], state["prior"], state["sums"]
