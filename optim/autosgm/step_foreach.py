"""AutoSGM's step of many tensors, in few passes over memory.

Factors that all elements share are kept beside the tensors, not multiplied into them. The states are those of
the step of one tensor, so a run may change between the two at any step.
"""

import torch
from torch import Tensor

from optim.autosgm.bundle import OUTLIER_DEVIATIONS, RATE_POLE, Bundle, Numbers
from optim.autosgm.lowpass import TensorList, foreach_lowpass_
from optim.sharding import sums_over_shards


def multi_tensor_step(bundle: Bundle, numbers: Numbers) -> None:
    """Update all tensors of a bundle."""
    params, factor = bundle.params, -numbers.rate * numbers.step_scale
    grads = _effective_grads(bundle, numbers)
    tops = _tops(bundle, grads, numbers)
    if not numbers.aoptlr:
        _decay_weights_(bundle, numbers)
        torch._foreach_add_(params, tops, alpha=factor)
        return
    bottoms = _bottoms(bundle, grads, numbers)
    if numbers.numerator == 0:
        _decay_weights_(bundle, numbers)
        torch._foreach_addcdiv_(params, tops, bottoms, value=factor)
        return
    steps = torch._foreach_div(tops, bottoms)  # before ``step_scale`` and their rate
    if numbers.decay_in_step:
        torch._foreach_add_(steps, params, alpha=numbers.decay_in_step / numbers.step_scale)
    if numbers.numerator == 4:
        torch._foreach_addcmul_(params, steps, _shrinkage(bundle, steps, numbers), value=factor)
    else:
        if numbers.numerator == 3:
            scales, gain = _step_scales(bundle, torch._foreach_div(grads, bottoms), numbers), 1.0
        else:
            scales, gain = _correlation_scales(bundle, steps, numbers), numbers.numerator_gain
        rates = _rates(bundle, scales, gain, numbers)
        torch._foreach_addcmul_(params, steps, rates, value=-numbers.window * numbers.step_scale)


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


def _rates(bundle: Bundle, scales: TensorList, gain: float, numbers: Numbers) -> TensorList:
    """Numerators 1, 2, 3: one rate per tensor, the mean of its elements' rates, filtered over steps."""
    # Sums, not _foreach_norm, which on a processor adds in sequence and so loses digits.
    dtype = bundle.scalars["rate"][0].dtype
    means = sums_over_shards([gain * tensor.sum(dtype=dtype) for tensor in scales], bundle.like)
    torch._foreach_div_(means, [float(numel) for numel in bundle.numels])
    return foreach_lowpass_(bundle.scalars["rate"], means, step=numbers.step, beta=RATE_POLE)


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


def _correlation_scales(bundle: Bundle, steps: TensorList, numbers: Numbers) -> TensorList:
    """Return ``min(|LPF(...)|, lr * ceiling) / gain``, the filter with an input gain of one."""
    pole, states = numbers.filters.beta_n, bundle.states
    _average_squares_(states["weight_square"], bundle.params, pole)
    ceilings = torch._foreach_add(states["weight_square"], 1)
    left, right = bundle.params, steps  # their products are the correlations
    if numbers.numerator == 2:
        left, right = _cut_products(bundle, steps, ceilings, numbers)
    torch._foreach_mul_(states["correlation"], pole)
    weight = numbers.lr * (1 - pole) * numbers.step_scale
    torch._foreach_addcmul_(states["correlation"], left, right, value=weight)
    torch._foreach_mul_(ceilings, numbers.lr / numbers.numerator_gain)
    torch._foreach_minimum_(ceilings, torch._foreach_abs(states["correlation"]))
    return ceilings


def _cut_products(
    bundle: Bundle, steps: TensorList, ceilings: TensorList, numbers: Numbers
) -> tuple[TensorList, TensorList]:
    """Numerator 2: return the signs of the products of weights and steps, and their sizes, outliers cut."""
    pole, sizes = numbers.filters.beta_a, bundle.states["correlation_size"]
    products = torch._foreach_mul(bundle.params, steps)
    cut = torch._foreach_abs(products)
    torch._foreach_mul_(sizes, pole)
    torch._foreach_add_(sizes, cut, alpha=(1 - pole) * numbers.step_scale)
    torch._foreach_minimum_(cut, torch._foreach_mul(sizes, OUTLIER_DEVIATIONS / numbers.step_scale))
    torch._foreach_div_(cut, ceilings)
    torch._foreach_sign_(products)
    return products, cut


def _step_scales(bundle: Bundle, unfiltered: TensorList, numbers: Numbers) -> TensorList:
    lr, squares = numbers.lr, bundle.states["step_square"]
    _average_squares_(squares, unfiltered, numbers.filters.beta_n, factor=lr / numbers.square_gain)
    return torch._foreach_clamp_max(squares, lr)


def _average_squares_(averages: TensorList, values: TensorList, pole: float, factor: float = 1.0) -> None:
    torch._foreach_mul_(averages, pole)
    torch._foreach_addcmul_(averages, values, values, value=(1 - pole) * factor)
