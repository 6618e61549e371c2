"""Consistency-regularised CTC: two views of a batch, masked and dropped out differently, must agree."""

from dataclasses import dataclass

from torch import Tensor

from models.network.frontend import length_mask


@dataclass(frozen=True)
class Consistency:
    """A second forward pass of every training batch, and a penalty where both disagree.

    Args:
        weight: of the penalty, the mean divergence of a frame.
        mask_factor: how many times as many stretches of time are masked as without it.
    """

    weight: float = 0.2
    mask_factor: float = 2.5

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise ValueError(f"model: consistency: weight must be 0 or more, got {self.weight}")
        if self.mask_factor <= 0:
            raise ValueError(f"model: consistency: mask_factor must be above 0, got {self.mask_factor}")


def disagreement(first: Tensor, second: Tensor, frames: Tensor) -> Tensor:
    """Return ½ [KL(second ‖ first) + KL(first ‖ second)], a mean over real frames.

    Both are log-probabilities, (B, F, V), of which ``frames``, (B,), are real. The distribution that leads
    each divergence has no gradient: each view learns from the other.

    >>> import torch
    >>> scores = torch.tensor([[[0.5, 0.5], [0.9, 0.1]]]).log()
    >>> disagreement(scores, scores, torch.tensor([2])).item()
    0.0
    """
    real = length_mask(frames, first.shape[1]).to(first.device)  # (B, F)
    both = _divergence(second.detach(), first) + _divergence(first.detach(), second)  # (B, F)
    return 0.5 * (both * real).sum() / real.sum().clamp(min=1)


def _divergence(leading: Tensor, follower: Tensor) -> Tensor:
    return (leading.exp() * (leading - follower)).sum(dim=-1)
