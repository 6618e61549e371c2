"""Dropout whose masks a processor draws quickly; on other devices, and compiled, it is torch's own.

torch draws every element of a mask by itself, from one thread: a quarter of a training step of a network with
its convolutions frozen. Here one draw of 64 bits decides over four elements, from a generator that is seeded
with torch's, so that what seeds torch seeds this, too.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_LEVELS = 1 << 16  # a share is rounded to one of so many
_SEEDS = 2**63 - 1


class QuickDropout(nn.Dropout):
    """Dropout with the interface of ``nn.Dropout``."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - as torch calls it
        """Zero elements at random in training, and scale the others."""
        if self.training and not self.inplace and draws_quickly(input):
            return quick_dropout(input, self.p)
        return super().forward(input)


def draws_quickly(tensor: Tensor) -> bool:
    """Return whether masks for this tensor are drawn here; compiled code draws its own."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def quick_dropout(values: Tensor, share: float) -> Tensor:
    """Zero this share of the elements at random; the others are scaled so that the mean stays."""
    dropped = round(share * _LEVELS)
    if dropped == 0:
        return values
    if dropped == _LEVELS:
        return values * 0.0
    # What is kept of 2^16 levels, not of one: then the scale is exact.
    kept: Tensor = _Kept.apply(values, _keep_mask(values.shape, dropped), _LEVELS / (_LEVELS - dropped))
    return kept


def _keep_mask(shape: torch.Size, dropped: int) -> Tensor:
    """Return where a draw of 16 bits is not among the lowest."""
    count = shape.numel()
    seed = int(torch.randint(_SEEDS, (), dtype=torch.int64))
    draws = np.random.SFC64(seed).random_raw(-(-count // 4)).view(np.int16)[:count]
    return torch.from_numpy(draws).view(shape) >= dropped - _LEVELS // 2


class _Kept(torch.autograd.Function):
    """Keeps the mask for the backward pass, a byte an element."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, keep: Tensor, scale: float) -> Tensor:  # noqa: ANN401 - torch's protocol
        ctx.save_for_backward(keep)
        ctx.scale = scale
        return values * keep.to(values.dtype).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        (keep,) = ctx.saved_tensors
        return gradients[0] * keep.to(gradients[0].dtype).mul_(ctx.scale), None, None


def quicken_dropout(network: nn.Module) -> None:
    """Replace every ``nn.Dropout`` of a network."""
    for parent in network.modules():
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, QuickDropout(child.p, child.inplace).train(child.training))
