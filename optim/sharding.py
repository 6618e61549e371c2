"""Sharded parameters (FSDP2's ``DTensor``): local parts, and sums over the shards."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def is_sharded(tensor: Tensor) -> bool:
    """Check whether the tensor is spread over several processes."""
    return hasattr(tensor, "placements")


def local_part(tensor: Tensor) -> Tensor:
    """Return the part of the tensor that this process holds: the tensor itself unless it is sharded."""
    return tensor.to_local() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]


def whole_tensor(tensor: Tensor) -> Tensor:
    """Return the whole tensor, gathered from all processes if it is sharded."""
    return tensor.full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]


def layout_of(tensor: Tensor) -> tuple[Any, ...] | None:
    """Return a key that is equal for tensors that are sharded alike, ``None`` for ordinary ones."""
    return (tensor.device_mesh, tensor.placements) if is_sharded(tensor) else None  # type: ignore[attr-defined]


def first_index(tensor: Tensor) -> tuple[int, ...]:
    """Return the position of the local part's first element in the whole tensor, by dimension."""
    if not is_sharded(tensor):
        return (0,) * tensor.dim()
    # Imported only now: it takes a second, and exists only in builds with torch.distributed.
    from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

    mesh, placements = tensor.device_mesh, tensor.placements  # type: ignore[attr-defined]
    return tuple(compute_local_shape_and_global_offset(tensor.shape, mesh, placements)[1])


def sum_over_shards_(values: Tensor, like: Tensor) -> Tensor:
    """Sum the values in place over the processes that hold the other shards of ``like``."""
    if is_sharded(like):
        for dimension, placement in enumerate(like.placements):  # type: ignore[attr-defined]
            if placement.is_shard():
                dist.all_reduce(values, group=like.device_mesh.get_group(dimension))  # type: ignore[attr-defined]
    return values


def sums_over_shards(values: Sequence[Tensor], like: Tensor) -> list[Tensor]:
    """Sum scalars over the shards, all in one exchange; unchanged where nothing is sharded."""
    if not is_sharded(like):
        return list(values)
    return list(sum_over_shards_(torch.stack(list(values)), like).unbind())
