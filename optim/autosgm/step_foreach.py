"""AutoSGM's step of many tensors, in few passes over memory.

Factors that all elements share are carried beside the tensors, not multiplied into them. The states are those
of the step of one tensor, so a run may change between the two at any step.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from optim.autosgm.bundle import OUTLIER_DEVIATIONS, RATE_POLE, Bundle, Numbers
from optim.autosgm.lowpass import TensorList, foreach_lowpass_, output_gain
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
    tops, scale = _tops(bundle, _effective_grads(bundle, numbers), numbers)
    _decay_weights_(bundle, rate * numbers.decay_in_step)
    torch._foreach_add_(bundle.params, tops, alpha=-rate * scale)


def _normalised_step(bundle: Bundle, numbers: Numbers) -> None:
    rate = numbers.lr * numbers.window
    fractions = _fractions(bundle, numbers)
    _decay_weights_(bundle, rate * numbers.decay_in_step)
    torch._foreach_addcdiv_(bundle.params, fractions.tops, fractions.bottoms, value=-rate * fractions.scale)


def _huber_step(bundle: Bundle, numbers: Numbers) -> None:
    """Numerator 4: each tensor's step shrinks by how far its norm lies from what it has been."""
    step = _velocity(_fractions(bundle, numbers), bundle, numbers)
    shrinkage = _shrinkage(bundle, step, numbers)
    rate = numbers.lr * numbers.window
    torch._foreach_addcmul_(bundle.params, step.tensors, shrinkage, value=-rate * step.scale)


def _rated_step(bundle: Bundle, numbers: Numbers) -> None:
    """Numerators 1, 2, 3: one rate per tensor, the mean of what its elements ask for, filtered over steps."""
    fractions = _fractions(bundle, numbers)
    step = _velocity(fractions, bundle, numbers)
    scales, factor = NUMERATORS[numbers.numerator](bundle, fractions, step, numbers)
    # Sums, not _foreach_norm, which on a processor adds in sequence and so loses digits.
    dtype = bundle.scalars["rate"][0].dtype
    means = sums_over_shards([factor * tensor.sum(dtype=dtype) for tensor in scales], bundle.like)
    torch._foreach_div_(means, [float(numel) for numel in bundle.numels])
    rates = foreach_lowpass_(bundle.scalars["rate"], means, step=numbers.step, beta=RATE_POLE)
    torch._foreach_addcmul_(bundle.params, step.tensors, rates, value=-numbers.window * step.scale)


def _effective_grads(bundle: Bundle, numbers: Numbers) -> TensorList:
    grads = torch._foreach_neg(bundle.grads) if numbers.maximize else bundle.grads
    if numbers.wd_lvl == 0 and numbers.weight_decay:
        return torch._foreach_add(grads, bundle.params, alpha=numbers.weight_decay)
    return grads


def _decay_weights_(bundle: Bundle, share: float) -> None:
    if share:  # not a product with 1 - share, whose rounding would be the same at every step
        torch._foreach_add_(bundle.params, bundle.params, alpha=-share)


def _tops(bundle: Bundle, grads: TensorList, numbers: Numbers) -> tuple[TensorList, float]:
    """The filtered gradients and the factor that belongs to them."""
    poles, step = numbers.filters, numbers.step
    tops = foreach_lowpass_(
        bundle.states["average"], grads, step=step, beta=poles.beta_i, gamma=poles.gamma_i
    )
    return tops, output_gain(poles.beta_i, step=step, eta=poles.eta_i, debias=poles.debias)


def _fractions(bundle: Bundle, numbers: Numbers) -> Fractions:
    poles, step = numbers.filters, numbers.step
    grads = _effective_grads(bundle, numbers)
    tops, top_gain = _tops(bundle, grads, numbers)
    gain = output_gain(poles.beta_a, step=step, eta=poles.eta_i, debias=poles.debias)
    bottoms = _bottoms(bundle, grads, numbers, numbers.eps / gain**0.5)
    return Fractions(grads, tops, bottoms, top_gain / gain**0.5, gain)


def _bottoms(bundle: Bundle, grads: TensorList, numbers: Numbers, eps: float) -> TensorList:
    squares = torch._foreach_add(grads, numbers.eps)
    torch._foreach_mul_(squares, squares)
    averages = foreach_lowpass_(
        bundle.states["square"], squares, step=numbers.step, beta=numbers.filters.beta_a
    )
    del squares  # its memory, still in the cache, serves the next line
    bottoms = torch._foreach_sqrt(averages)
    torch._foreach_add_(bottoms, eps)
    return bottoms


def _velocity(fractions: Fractions, bundle: Bundle, numbers: Numbers) -> Velocity:
    tensors = torch._foreach_div(fractions.tops, fractions.bottoms)
    if numbers.decay_in_step:
        torch._foreach_add_(tensors, bundle.params, alpha=numbers.decay_in_step / fractions.scale)
    return Velocity(tensors, fractions.scale)


def _shrinkage(bundle: Bundle, velocity: Velocity, numbers: Numbers) -> TensorList:
    """The factor per tensor that keeps its step's norm near what it has been."""
    pole, scale = numbers.filters.beta_n, velocity.scale
    norms = _norms(bundle, velocity.tensors)
    torch._foreach_mul_(norms, scale)
    centers = foreach_lowpass_(bundle.scalars["norm"], norms, step=numbers.step, beta=pole)
    shifts = torch._foreach_div(centers, scale)
    distances = _norms(bundle, torch._foreach_sub(velocity.tensors, shifts))
    torch._foreach_mul_(distances, scale)
    torch._foreach_add_(distances, numbers.eps)
    squares = torch._foreach_mul(distances, distances)
    averages = foreach_lowpass_(bundle.scalars["deviation"], squares, step=numbers.step, beta=pole)
    bounds = torch._foreach_sqrt(averages)
    torch._foreach_add_(bounds, numbers.eps)
    torch._foreach_mul_(bounds, OUTLIER_DEVIATIONS)
    torch._foreach_minimum_(bounds, distances)
    return torch._foreach_div(bounds, distances)


def _norms(bundle: Bundle, tensors: TensorList) -> list[Tensor]:
    norms = torch._foreach_norm(tensors, 2, dtype=bundle.scalars["norm"][0].dtype)
    squares = torch._foreach_mul(norms, norms)
    return list(torch._foreach_sqrt(sums_over_shards(squares, bundle.like)))


def _correlation_scales(
    bundle: Bundle, _fractions: Fractions, velocity: Velocity, numbers: Numbers
) -> tuple[TensorList, float]:
    pole = numbers.filters.beta_n
    _average_squares_(bundle.states["weight_square"], bundle.params, pole)
    correlations = bundle.states["correlation"]
    torch._foreach_mul_(correlations, pole)
    weight = numbers.lr * (1 - pole) * velocity.scale
    torch._foreach_addcmul_(correlations, bundle.params, velocity.tensors, value=weight)
    return _capped(correlations, torch._foreach_add(bundle.states["weight_square"], 1), numbers)


def _cut_correlation_scales(
    bundle: Bundle, _fractions: Fractions, velocity: Velocity, numbers: Numbers
) -> tuple[TensorList, float]:
    pole, size_pole = numbers.filters.beta_n, numbers.filters.beta_a
    _average_squares_(bundle.states["weight_square"], bundle.params, pole)
    ceilings = torch._foreach_add(bundle.states["weight_square"], 1)
    products = torch._foreach_mul(bundle.params, velocity.tensors)
    cut = torch._foreach_abs(products)
    sizes = bundle.states["correlation_size"]
    torch._foreach_mul_(sizes, size_pole)
    torch._foreach_add_(sizes, cut, alpha=(1 - size_pole) * velocity.scale)
    torch._foreach_minimum_(cut, torch._foreach_mul(sizes, OUTLIER_DEVIATIONS / velocity.scale))
    torch._foreach_div_(cut, ceilings)
    correlations = bundle.states["correlation"]
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
    bundle: Bundle, fractions: Fractions, _velocity: Velocity, numbers: Numbers
) -> tuple[TensorList, float]:
    lr, pole = numbers.lr, numbers.filters.beta_n
    unfiltered = torch._foreach_div(fractions.grads, fractions.bottoms)
    _average_squares_(bundle.states["step_square"], unfiltered, pole, factor=lr / fractions.bottom_gain)
    return torch._foreach_clamp_max(bundle.states["step_square"], lr), 1.0


def _average_squares_(averages: TensorList, values: TensorList, pole: float, factor: float = 1.0) -> None:
    torch._foreach_mul_(averages, pole)
    torch._foreach_addcmul_(averages, values, values, value=(1 - pole) * factor)


Numerator = Callable[[Bundle, Fractions, Velocity, Numbers], tuple[TensorList, float]]
NUMERATORS: dict[int, Numerator] = {1: _correlation_scales, 2: _cut_correlation_scales, 3: _step_scales}
