"""AutoSGM's step of many tensors, in few passes over memory.

Factors that all elements share are kept beside the tensors, not multiplied into them. The states are those of
the step of one tensor, so a run may change between the two at any step.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from optim.autosgm.bundle import OUTLIER_DEVIATIONS, RATE_POLE, Bundle, Numbers
from optim.autosgm.lowpass import TensorList, foreach_lowpass_
from optim.sharding import sums_over_shards


class Fractions(NamedTuple):
    """The filtered gradients over their denominators: ``step_scale * tops / bottoms``."""

    grads: TensorList
    tops: TensorList
    bottoms: TensorList


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
    tops = _tops(bundle, _effective_grads(bundle, numbers), numbers)
    _decay_weights_(bundle, numbers)
    torch._foreach_add_(bundle.params, tops, alpha=-numbers.rate * numbers.step_scale)


def _normalised_step(bundle: Bundle, numbers: Numbers) -> None:
    fractions = _fractions(bundle, numbers)
    _decay_weights_(bundle, numbers)
    factor = -numbers.rate * numbers.step_scale
    torch._foreach_addcdiv_(bundle.params, fractions.tops, fractions.bottoms, value=factor)


def _huber_step(bundle: Bundle, numbers: Numbers) -> None:
    """Numerator 4: each tensor's step shrinks by the distance of its norm from the norms so far."""
    steps = _steps(_fractions(bundle, numbers), bundle, numbers)
    shrinkage = _shrinkage(bundle, steps, numbers)
    torch._foreach_addcmul_(bundle.params, steps, shrinkage, value=-numbers.rate * numbers.step_scale)


def _rated_step(bundle: Bundle, numbers: Numbers) -> None:
    """Numerators 1, 2, 3: one rate per tensor, the mean of its elements' rates, filtered over steps."""
    fractions = _fractions(bundle, numbers)
    steps = _steps(fractions, bundle, numbers)
    scales, factor = NUMERATORS[numbers.numerator](bundle, fractions, steps, numbers)
    # Sums, not _foreach_norm, which on a processor adds in sequence and so loses digits.
    dtype = bundle.scalars["rate"][0].dtype
    means = sums_over_shards([factor * tensor.sum(dtype=dtype) for tensor in scales], bundle.like)
    torch._foreach_div_(means, [float(numel) for numel in bundle.numels])
    rates = foreach_lowpass_(bundle.scalars["rate"], means, step=numbers.step, beta=RATE_POLE)
    torch._foreach_addcmul_(bundle.params, steps, rates, value=-numbers.window * numbers.step_scale)


def _effective_grads(bundle: Bundle, numbers: Numbers) -> TensorList:
    grads = torch._foreach_neg(bundle.grads) if numbers.maximize else bundle.grads
    if numbers.wd_lvl == 0 and numbers.weight_decay:
        return torch._foreach_add(grads, bundle.params, alpha=numbers.weight_decay)
    return grads


def _decay_weights_(bundle: Bundle, numbers: Numbers) -> None:
    share = numbers.rate * numbers.decay_in_step
    if share:  # not a product with 1 - share, whose rounding would be the same at every step
        torch._foreach_add_(bundle.params, bundle.params, alpha=-share)


def _tops(bundle: Bundle, grads: TensorList, numbers: Numbers) -> TensorList:
    """Filter the gradients; the results lack the factor ``gradient_gain``."""
    poles = numbers.filters
    averages = bundle.states["average"]
    return foreach_lowpass_(averages, grads, step=numbers.step, beta=poles.beta_i, gamma=poles.gamma_i)


def _fractions(bundle: Bundle, numbers: Numbers) -> Fractions:
    grads = _effective_grads(bundle, numbers)
    return Fractions(grads, _tops(bundle, grads, numbers), _bottoms(bundle, grads, numbers))


def _bottoms(bundle: Bundle, grads: TensorList, numbers: Numbers) -> TensorList:
    """Return the denominators; they lack the root of ``square_gain``."""
    squares = torch._foreach_add(grads, numbers.eps)
    torch._foreach_mul_(squares, squares)
    averages = foreach_lowpass_(
        bundle.states["square"], squares, step=numbers.step, beta=numbers.filters.beta_a
    )
    del squares  # its memory, still in the cache, serves the next line
    bottoms = torch._foreach_sqrt(averages)
    torch._foreach_add_(bottoms, numbers.eps / numbers.square_gain**0.5)
    return bottoms


def _steps(fractions: Fractions, bundle: Bundle, numbers: Numbers) -> TensorList:
    """Return the steps before ``step_scale`` and their rate."""
    steps = torch._foreach_div(fractions.tops, fractions.bottoms)
    if numbers.decay_in_step:
        torch._foreach_add_(steps, bundle.params, alpha=numbers.decay_in_step / numbers.step_scale)
    return steps


def _shrinkage(bundle: Bundle, steps: TensorList, numbers: Numbers) -> TensorList:
    """Return the factor per tensor that keeps its step's norm near its norms so far."""
    pole, scale = numbers.filters.beta_n, numbers.step_scale
    norms = _norms(bundle, steps)
    torch._foreach_mul_(norms, scale)
    centers = foreach_lowpass_(bundle.scalars["norm"], norms, step=numbers.step, beta=pole)
    shifts = torch._foreach_div(centers, scale)
    distances = _norms(bundle, torch._foreach_sub(steps, shifts))
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
    bundle: Bundle, _fractions: Fractions, steps: TensorList, numbers: Numbers
) -> tuple[TensorList, float]:
    pole = numbers.filters.beta_n
    _average_squares_(bundle.states["weight_square"], bundle.params, pole)
    correlations = bundle.states["correlation"]
    torch._foreach_mul_(correlations, pole)
    weight = numbers.lr * (1 - pole) * numbers.step_scale
    torch._foreach_addcmul_(correlations, bundle.params, steps, value=weight)
    return _capped(correlations, torch._foreach_add(bundle.states["weight_square"], 1), numbers)


def _cut_correlation_scales(
    bundle: Bundle, _fractions: Fractions, steps: TensorList, numbers: Numbers
) -> tuple[TensorList, float]:
    pole, size_pole = numbers.filters.beta_n, numbers.filters.beta_a
    _average_squares_(bundle.states["weight_square"], bundle.params, pole)
    ceilings = torch._foreach_add(bundle.states["weight_square"], 1)
    products = torch._foreach_mul(bundle.params, steps)
    cut = torch._foreach_abs(products)
    sizes = bundle.states["correlation_size"]
    torch._foreach_mul_(sizes, size_pole)
    torch._foreach_add_(sizes, cut, alpha=(1 - size_pole) * numbers.step_scale)
    torch._foreach_minimum_(cut, torch._foreach_mul(sizes, OUTLIER_DEVIATIONS / numbers.step_scale))
    torch._foreach_div_(cut, ceilings)
    correlations = bundle.states["correlation"]
    torch._foreach_mul_(correlations, pole)
    torch._foreach_sign_(products)
    weight = numbers.lr * (1 - pole) * numbers.step_scale
    torch._foreach_addcmul_(correlations, products, cut, value=weight)
    return _capped(correlations, ceilings, numbers)


def _capped(correlations: TensorList, ceilings: TensorList, numbers: Numbers) -> tuple[TensorList, float]:
    """Return ``min(|LPF(...)|, lr * ceiling)``, the filter with an input gain of one; overwrites ceilings."""
    gain = numbers.numerator_gain
    torch._foreach_mul_(ceilings, numbers.lr / gain)
    torch._foreach_minimum_(ceilings, torch._foreach_abs(correlations))
    return ceilings, gain


def _step_scales(
    bundle: Bundle, fractions: Fractions, _steps: TensorList, numbers: Numbers
) -> tuple[TensorList, float]:
    lr, pole = numbers.lr, numbers.filters.beta_n
    unfiltered = torch._foreach_div(fractions.grads, fractions.bottoms)
    _average_squares_(bundle.states["step_square"], unfiltered, pole, factor=lr / numbers.square_gain)
    return torch._foreach_clamp_max(bundle.states["step_square"], lr), 1.0


def _average_squares_(averages: TensorList, values: TensorList, pole: float, factor: float = 1.0) -> None:
    torch._foreach_mul_(averages, pole)
    torch._foreach_addcmul_(averages, values, values, value=(1 - pole) * factor)


Numerator = Callable[[Bundle, Fractions, TensorList, Numbers], tuple[TensorList, float]]
NUMERATORS: dict[int, Numerator] = {1: _correlation_scales, 2: _cut_correlation_scales, 3: _step_scales}
