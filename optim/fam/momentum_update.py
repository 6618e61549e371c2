"""The update that FAM and SimpleFAM share: ``m <- a*m + (1-a)*g``, then ``p <- p - lr*m``."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from optim.sharding import local_part

# With 16 bits, torch 2.13's kernel writes wrong values into the buffers on a processor.
FUSED_DTYPES = (torch.float32, torch.float64)
FUSED_DEVICES = frozenset({"cpu", "cuda"})


class Row(NamedTuple):
    """One parameter's part of a step; all tensors are local and of one shape."""

    param: Tensor
    grad: Tensor
    average: Tensor  # m
    momentum: float | Tensor  # a; a tensor without dimensions if it was computed on an accelerator
    lr: float
    weight_decay: float
    maximize: bool
    foreach: bool

    @classmethod
    def of(
        cls,
        tensors: tuple[Tensor, Tensor, Tensor],
        momentum: float | Tensor,
        group: dict[str, Any],
        weight_decay: float,
    ) -> "Row":
        """Take the local parts of a parameter, its gradient and its average, and its group's settings."""
        param, grad, average = map(local_part, tensors)
        flags = group["maximize"], group["foreach"]
        return cls(param, grad, average, momentum, group["lr"], weight_decay, *flags)


def per_row(momentum: Tensor) -> Sequence[float | Tensor]:
    """Split ``(K,)`` momenta: numbers on the CPU, for the fused kernel; elsewhere they stay on the device."""
    on_host = momentum.device.type == "cpu"
    return momentum.tolist() if on_host else momentum.unbind()


def _update_one(row: Row) -> None:
    """Update one parameter as in the formula; the oracle of the other updates."""
    grad = -row.grad if row.maximize else row.grad
    grad = grad + row.weight_decay * row.param
    row.average.mul_(row.momentum).add_((1 - row.momentum) * grad)
    row.param.sub_(row.lr * row.average)


def update_rows(rows: Iterable[Row]) -> None:
    """Update all parameters: with ``foreach`` those that share their numbers in one call."""
    batches: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        if not row.foreach:
            _update_one(row)
            continue
        fused = _can_fuse(row)
        momentum = None if isinstance(row.momentum, Tensor) else row.momentum
        place = (row.param.device, row.param.dtype)
        batches[fused, momentum, place, row.lr, row.weight_decay, row.maximize].append(row)
    for batch in batches.values():
        (_fused_update if _can_fuse(batch[0]) else _foreach_update)(batch)


def _can_fuse(row: Row) -> bool:
    """Check that the fused kernel applies: it takes the momentum as a number and reads memory in order."""
    if isinstance(row.momentum, Tensor) or row.param.device.type not in FUSED_DEVICES:
        return False
    if row.param.dtype not in FUSED_DTYPES or row.momentum == 0:  # 0 would mean that there are no buffers
        return False
    param, grad, average = row.param, row.grad, row.average
    return param.is_contiguous() and grad.is_contiguous() and average.is_contiguous()


def _fused_update(batch: list[Row]) -> None:
    """One pass over memory: torch's SGD with a dampening that equals its momentum is this update."""
    momentum = float(batch[0].momentum)
    torch._fused_sgd_(
        [row.param for row in batch],
        [row.grad for row in batch],
        [row.average for row in batch],
        weight_decay=batch[0].weight_decay,
        momentum=momentum,
        dampening=momentum,
        lr=batch[0].lr,
        nesterov=False,
        maximize=batch[0].maximize,
        is_first_step=False,
    )
    torch.autograd.graph.increment_version([row.param for row in batch])


def _foreach_update(batch: list[Row]) -> None:
    """Update with one kernel per list, or per tensor where each has a momentum on the device."""
    lr, weight_decay = batch[0].lr, batch[0].weight_decay
    params, averages = [row.param for row in batch], [row.average for row in batch]
    grads: list[Tensor] | tuple[Tensor, ...] = [row.grad for row in batch]
    if batch[0].maximize:
        grads = torch._foreach_neg(grads)
    if weight_decay:
        grads = torch._foreach_add(grads, params, alpha=weight_decay)
    shares: float | list[Tensor] = [
        (1 - row.momentum).to(row.param.dtype) for row in batch if isinstance(row.momentum, Tensor)
    ] or (1 - float(batch[0].momentum))
    torch._foreach_lerp_(averages, grads, shares)
    torch._foreach_add_(params, averages, alpha=-lr)
