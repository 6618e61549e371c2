"""AutoSGM's step of many tensors, in few passes over memory.

Factors that all elements share are carried beside the tensors, not multiplied into them. The states are those
of the step of one tensor, so a run may change between the two at any step.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from optim.autosgm_bundle import OUTLIER_DEVIATIONS, RATE_POLE, Bundle, Numbers, Piece
from optim.lowpass import TensorList, foreach_lowpass_, output_gain
from optim.sharding import sums_over_shards


class Fractions(NamedTuple):
    """The filtered gradients over their denominators: ``scale * tops / bottoms``."""

    grads: TensorList
    tops: TensorList
    bottoms: TensorList
    scale: float
    bottom_gain: float  # the denominators proper are its root times ``bottoms``


class Velocity(NamedTuple):
    """Steps before their rate: ``scale * tensors``."""

    tensors: TensorList
    scale: float


def multi_tensor_step(bundle: Bundle, numbers: Numbers) -> None:
    """Update all tensors of a bundle."""
    if not numbers.aoptlr:
        _plain_step(bundle, numbers)
    elif numbers.numerator == 0:
        _normalised_step(bundle, numbers)
    elif numbers.numerator == 4:
        _huber_step(bundle, numbers)
    else:
        _rated_step(bundle, numbers)


def _plain_step(bundle: Bundle, numbers: Numbers) -> None:
    rate = numbers.lr * numbers.window
    for piece in bundle.pieces:
        tops, scale = _tops(piece, _effective_grads(piece, numbers), numbers)
        _decay_weights_(piece, rate * numbers.decay_in_step)
        torch._foreach_add_(piece.params, tops, alpha=-rate * scale)


def _normalised_step(bundle: Bundle, numbers: Numbers) -> None:
    rate = numbers.lr * numbers.window
    for piece in bundle.pieces:
        fractions = _fractions(piece, numbers)
        _decay_weights_(piece, rate * numbers.decay_in_step)
        torch._foreach_addcdiv_(
            piece.params, fractions.tops, fractions.bottoms, value=-rate * fractions.scale
        )


def _huber_step(bundle: Bundle, numbers: Numbers) -> None:
    """Numerator 4: each tensor's step shrinks by how far its norm lies from what it has been."""
    steps = [_velocity(_fractions(piece, numbers), piece, numbers) for piece in bundle.pieces]
    shrinkage = _shrinkage(bundle, steps, numbers)
    rate = numbers.lr * numbers.window
    for piece, step in zip(bundle.pieces, steps, strict=True):
        torch._foreach_addcmul_(piece.params, step.tensors, shrinkage, value=-rate * step.scale)


def _rated_step(bundle: Bundle, numbers: Numbers) -> None:
    """Numerators 1, 2, 3: one rate per tensor, the mean of what its elements ask for, filtered over steps."""
    steps: list[Velocity] = []
    totals: list[list[Tensor]] = []
    dtype = bundle.scalars["rate"][0].dtype
    for piece in bundle.pieces:
        fractions = _fractions(piece, numbers)
        steps.append(_velocity(fractions, piece, numbers))
        scales, factor = NUMERATORS[numbers.numerator](piece, fractions, steps[-1], numbers)
        # Sums, not _foreach_norm, which on a processor adds in sequence and so loses digits.
        totals.append([factor * tensor.sum(dtype=dtype) for tensor in scales])
    means = sums_over_shards(_added(totals), bundle.like)
    torch._foreach_div_(means, [float(numel) for numel in bundle.numels])
    rates = foreach_lowpass_(bundle.scalars["rate"], means, step=numbers.step, beta=RATE_POLE)
    for piece, step in zip(bundle.pieces, steps, strict=True):
        torch._foreach_addcmul_(piece.params, step.tensors, rates, value=-numbers.window * step.scale)


def _added(parts: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Add up what the pieces gave for each of their tensors."""
    first, *others = parts
    total = list(first)
    for part in others:
        torch._foreach_add_(total, list(part))
    return total


def _effective_grads(piece: Piece, numbers: Numbers) -> TensorList:
    grads = torch._foreach_neg(piece.grads) if numbers.maximize else piece.grads
    if numbers.wd_lvl == 0 and numbers.weight_decay:
        return torch._foreach_add(grads, piece.params, alpha=numbers.weight_decay)
    return grads


def _decay_weights_(piece: Piece, share: float) -> None:
    if share:  # not a product with 1 - share, whose rounding would be the same at every step
        torch._foreach_add_(piece.params, piece.params, alpha=-share)


def _tops(piece: Piece, grads: TensorList, numbers: Numbers) -> tuple[TensorList, float]:
    """The filtered gradients and the factor that belongs to them."""
    poles, step = numbers.filters, numbers.step
    tops = foreach_lowpass_(piece.states["average"], grads, step=step, beta=poles.beta_i, gamma=poles.gamma_i)
    return tops, output_gain(poles.beta_i, step=step, eta=poles.eta_i, debias=poles.debias)


def _fractions(piece: Piece, numbers: Numbers) -> Fractions:
    poles, step = numbers.filters, numbers.step
    grads = _effective_grads(piece, numbers)
    tops, top_gain = _tops(piece, grads, numbers)
    gain = output_gain(poles.beta_a, step=step, eta=poles.eta_i, debias=poles.debias)
    bottoms = _bottoms(piece, grads, numbers, numbers.eps / gain**0.5)
    return Fractions(grads, tops, bottoms, top_gain / gain**0.5, gain)


def _bottoms(piece: Piece, grads: TensorList, numbers: Numbers, eps: float) -> TensorList:
    squares = torch._foreach_add(grads, numbers.eps)
    torch._foreach_mul_(squares, squares)
    averages = foreach_lowpass_(
        piece.states["square"], squares, step=numbers.step, beta=numbers.filters.beta_a
    )
    del squares  # its memory, still in the cache, serves the next line
    bottoms = torch._foreach_sqrt(averages)
    torch._foreach_add_(bottoms, eps)
    return bottoms


def _velocity(fractions: Fractions, piece: Piece, numbers: Numbers) -> Velocity:
    tensors = torch._foreach_div(fractions.tops, fractions.bottoms)
    if numbers.decay_in_step:
        torch._foreach_add_(tensors, piece.params, alpha=numbers.decay_in_step / fractions.scale)
    return Velocity(tensors, fractions.scale)


def _shrinkage(bundle: Bundle, steps: list[Velocity], numbers: Numbers) -> TensorList:
    """The factor per tensor that keeps its step's norm near what it has been."""
    pole, scale = numbers.filters.beta_n, steps[0].scale
    norms = _norms(bundle, [step.tensors for step in steps])
    torch._foreach_mul_(norms, scale)
    centers = foreach_lowpass_(bundle.scalars["norm"], norms, step=numbers.step, beta=pole)
    shifts = torch._foreach_div(centers, scale)
    distances = _norms(bundle, [torch._foreach_sub(step.tensors, shifts) for step in steps])
    torch._foreach_mul_(distances, scale)
    torch._foreach_add_(distances, numbers.eps)
    squares = torch._foreach_mul(distances, distances)
    averages = foreach_lowpass_(bundle.scalars["deviation"], squares, step=numbers.step, beta=pole)
    bounds = torch._foreach_sqrt(averages)
    torch._foreach_add_(bounds, numbers.eps)
    torch._foreach_mul_(bounds, OUTLIER_DEVIATIONS)
    torch._foreach_minimum_(bounds, distances)
    return torch._foreach_div(bounds, distances)


def _norms(bundle: Bundle, pieces: Sequence[TensorList]) -> list[Tensor]:
    dtype = bundle.scalars["norm"][0].dtype
    norms = [torch._foreach_norm(tensors, 2, dtype=dtype) for tensors in pieces]
    squares = _added([torch._foreach_mul(part, part) for part in norms])
    return list(torch._foreach_sqrt(sums_over_shards(squares, bundle.like)))


def _correlation_scales(
    piece: Piece, _fractions: Fractions, velocity: Velocity, numbers: Numbers
) -> tuple[TensorList, float]:
    pole = numbers.filters.beta_n
    _average_squares_(piece.states["weight_square"], piece.params, pole)
    correlations = piece.states["correlation"]
    torch._foreach_mul_(correlations, pole)
    weight = numbers.lr * (1 - pole) * velocity.scale
    torch._foreach_addcmul_(correlations, piece.params, velocity.tensors, value=weight)
    return _capped(correlations, torch._foreach_add(piece.states["weight_square"], 1), numbers)


def _cut_correlation_scales(
    piece: Piece, _fractions: Fractions, velocity: Velocity, numbers: Numbers
) -> tuple[TensorList, float]:
    pole, size_pole = numbers.filters.beta_n, numbers.filters.beta_a
    _average_squares_(piece.states["weight_square"], piece.params, pole)
    ceilings = torch._foreach_add(piece.states["weight_square"], 1)
    products = torch._foreach_mul(piece.params, velocity.tensors)
    cut = torch._foreach_abs(products)
    sizes = piece.states["correlation_size"]
    torch._foreach_mul_(sizes, size_pole)
    torch._foreach_add_(sizes, cut, alpha=(1 - size_pole) * velocity.scale)
    torch._foreach_minimum_(cut, torch._foreach_mul(sizes, OUTLIER_DEVIATIONS / velocity.scale))
    torch._foreach_div_(cut, ceilings)
    correlations = piece.states["correlation"]
    torch._foreach_mul_(correlations, pole)
    torch._foreach_sign_(products)
    weight = numbers.lr * (1 - pole) * velocity.scale
    torch._foreach_addcmul_(correlations, products, cut, value=weight)
    return _capped(correlations, ceilings, numbers)


def _capped(correlations: TensorList, ceilings: TensorList, numbers: Numbers) -> tuple[TensorList, float]:
    """``min(|LPF(...)|, lr * ceiling)``, the filter with a gain of one at its input; overwrites ceilings."""
    gain = output_gain(numbers.filters.beta_n, step=numbers.step, eta=1.0)
    torch._foreach_mul_(ceilings, numbers.lr / gain)
    torch._foreach_minimum_(ceilings, torch._foreach_abs(correlations))
    return ceilings, gain


def _step_scales(
    piece: Piece, fractions: Fractions, _velocity: Velocity, numbers: Numbers
) -> tuple[TensorList, float]:
    lr, pole = numbers.lr, numbers.filters.beta_n
    unfiltered = torch._foreach_div(fractions.grads, fractions.bottoms)
    _average_squares_(piece.states["step_square"], unfiltered, pole, factor=lr / fractions.bottom_gain)
    return torch._foreach_clamp_max(piece.states["step_square"], lr), 1.0


def _average_squares_(averages: TensorList, values: TensorList, pole: float, factor: float = 1.0) -> None:
    torch._foreach_mul_(averages, pole)
    torch._foreach_addcmul_(averages, values, values, value=(1 - pole) * factor)


Numerator = Callable[[Piece, Fractions, Velocity, Numbers], tuple[TensorList, float]]
NUMERATORS: dict[int, Numerator] = {1: _correlation_scales, 2: _cut_correlation_scales, 3: _step_scales}
