"""A gradient's sample, the sample's spectrum in bands, and the momentum that FAM derives from it.

All are pure functions over a batch of ``K`` samples of one length; none waits for a device.
"""

import importlib
import math
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Literal

import torch
from torch import Tensor

from optim.sharding import first_index, is_sharded, local_part

Handler = Literal["default", "conv", "attention", "embedding"]
HANDLERS: tuple[Handler, ...] = ("default", "conv", "attention", "embedding")

WHOLE_NUMEL = 10_000  # up to this size the whole gradient is the sample
SAMPLED_ELEMENTS = 1000  # of a larger vector
SAMPLED_ROWS = SAMPLED_COLUMNS = 64  # of a larger tensor of two or more dimensions


@lru_cache(maxsize=4096)
def sample_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the stride per dimension at which a tensor is sampled, which depends on its shape only.

    Example:
        >>> sample_strides((3072, 768)), sample_strides((512, 512, 3)), sample_strides((768,))
        ((48, 12), (8, 8, 1), (1,))
    """
    if math.prod(shape) <= WHOLE_NUMEL:
        return (1,) * len(shape)
    limits = (SAMPLED_ELEMENTS,) if len(shape) == 1 else (SAMPLED_ROWS, SAMPLED_COLUMNS)
    strides = tuple(-(-size // limit) for size, limit in zip(shape, limits, strict=False))
    return strides + (1,) * (len(shape) - len(limits))


@lru_cache(maxsize=4096)
def sample_numel(shape: tuple[int, ...]) -> int:
    """Return the number of elements in a tensor's sample.

    Example:
        >>> sample_numel((3072, 768))
        4096
    """
    strides = sample_strides(shape)
    return math.prod(-(-size // stride) for size, stride in zip(shape, strides, strict=True))


def sample(tensor: Tensor) -> Tensor:
    """Return the flattened sample in at least float32; for a sharded tensor, this process's share of it.

    The shares hold zeros in place of other processes' elements; their sum is the sample of the whole tensor.
    """
    strides = sample_strides(tuple(tensor.shape))
    part = local_part(tensor)
    starts = [-offset % stride for offset, stride in zip(first_index(tensor), strides, strict=True)]
    taken = part[tuple(slice(start, None, stride) for start, stride in zip(starts, strides, strict=True))]
    if part.dtype in (torch.float16, torch.bfloat16):
        taken = taken.float()
    return _placed(taken, tensor, strides).reshape(-1) if is_sharded(tensor) else taken.reshape(-1)


def _placed(taken: Tensor, tensor: Tensor, strides: tuple[int, ...]) -> Tensor:
    """Put the local elements at their positions in the sample of the whole tensor, zeros elsewhere."""
    whole = taken.new_zeros([-(-size // stride) for size, stride in zip(tensor.shape, strides, strict=True)])
    starts = [-(-offset // stride) for offset, stride in zip(first_index(tensor), strides, strict=True)]
    where = tuple(slice(start, start + size) for start, size in zip(starts, taken.shape, strict=True))
    whole[where] = taken
    return whole


@lru_cache(maxsize=1024)
def band_edges(handler: Handler, n_bands: int, n_bins: int) -> tuple[tuple[int, int], ...]:
    """Return the ``[start, end)`` of every band over the bins of a spectrum; an empty band has no energy.

    Example:
        >>> band_edges("default", 4, 11)
        ((0, 2), (2, 4), (4, 6), (6, 8))
        >>> band_edges("attention", 4, 11)
        ((0, 2), (2, 4), (5, 8), (8, 11))
    """
    if handler == "conv":
        edges = [math.floor(n_bins ** (i / n_bands) - 1) for i in range(n_bands + 1)]
        return tuple((max(0, low), min(high, n_bins)) for low, high in zip(edges, edges[1:], strict=False))
    if handler == "attention":
        middle, below = n_bins // 2, n_bands // 2
        return _equal_edges(below, 0, middle) + _equal_edges(n_bands - below, middle, n_bins)
    return _equal_edges(n_bands, 0, n_bins)


def _equal_edges(n_bands: int, start: int, end: int) -> tuple[tuple[int, int], ...]:
    width = (end - start) // n_bands if n_bands else 0
    return tuple((start + i * width, start + (i + 1) * width) for i in range(n_bands))


def band_energies(samples: Tensor, handler: Handler, n_bands: int, eps: float) -> Tensor:
    """Return the share of each band in every sample's spectrum: ``(K, length)`` to ``(K, n_bands)``."""
    spectrum = magnitudes(samples)  # (K, F)
    edges = band_edges(handler, n_bands, spectrum.shape[1])
    bands = torch.stack([spectrum[:, low:high].sum(1) for low, high in edges], dim=1)
    return bands / (spectrum.sum(1, keepdim=True) + eps)


def magnitudes(samples: Tensor) -> Tensor:
    """Return the magnitudes of every sample's spectrum: ``(K, length)`` to ``(K, length // 2 + 1)``."""
    transform = _fast_transform()
    if transform is None or samples.device.type != "cpu":
        return torch.fft.rfft(samples).abs()
    return torch.from_numpy(abs(transform(samples.detach().numpy())))


@cache
def _fast_transform() -> Callable[[Any], Any] | None:
    """Return SciPy's transform, which is several times as fast on a processor; None where it is missing."""
    try:
        return importlib.import_module("scipy.fft").rfft
    except ImportError:
        return None


def adapted_momentum(bands: Tensor, handler: Handler, alpha: float) -> Tensor:
    """Derive the momentum from smoothed bands: ``(K, n_bands)`` to ``(K,)``, on the bands' device."""
    n = bands.shape[1]
    steady = bands.new_full((bands.shape[0],), alpha)
    if handler == "attention":
        strongest = bands.argmax(1)
        higher = torch.where(strongest > 3 * n // 4, min(0.98, alpha + 0.08), steady)
        return torch.where(strongest < n // 4, max(0.85, alpha - 0.05), higher)
    if handler == "embedding":
        return torch.where(bands[:, 3 * n // 4 :].sum(1) > 0.2, min(0.98, alpha + 0.08), steady)
    if handler == "conv":
        high = torch.where(bands[:, 3 * n // 4 :].sum(1) > 0.3, min(0.95, alpha + 0.05), steady)
        return torch.where(bands[:, n // 4 : 3 * n // 4].sum(1) > 0.4, min(0.97, alpha + 0.07), high)
    return torch.where(bands[:, n // 2 :].sum(1) > 0.3, min(0.95, alpha + 0.05), steady)


def boosted_momentum(momentum: Tensor, alpha: float, boost: float) -> Tensor:
    """Scale the handler's change of ``alpha`` by ``boost``, within the range that handlers use."""
    low, high = min(alpha, 0.85), max(alpha, 0.98)
    return (alpha + boost * (momentum - alpha)).clamp(low, high)
