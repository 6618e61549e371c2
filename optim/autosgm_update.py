"""AutoSGM's arithmetic: the step of one tensor as it is written, and of many tensors in few passes.

Both advance the same states, so a run may change from one to the other at any step.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from optim.autosgm_config import Filters
from optim.lowpass import TensorList, foreach_lowpass_, lowpass_, output_gain
from optim.sharding import sum_over_shards_, sums_over_shards

RATE_POLE = 0.1  # of the filter over a tensor's rate
OUTLIER_DEVIATIONS = 4.0  # where a step or a correlation is cut

TENSOR_STATES = {  # as large as the parameter, by numerator; "square" only where steps are normalised
    0: ("average", "square"),
    1: ("average", "square", "weight_square", "correlation"),
    2: ("average", "square", "weight_square", "correlation", "correlation_size"),
    3: ("average", "square", "step_square"),
    4: ("average", "square"),
}
SCALAR_STATES = {0: (), 1: ("rate",), 2: ("rate",), 3: ("rate",), 4: ("norm", "deviation")}


class Numbers(NamedTuple):
    """What one step takes from the configuration: the same for every tensor that is updated together."""

    step: int
    lr: float
    weight_decay: float
    wd_lvl: int
    aoptlr: bool
    num_lrc: int
    filters: Filters
    eps: float
    window: float
    maximize: bool


class Bundle(NamedTuple):
    """Tensors that are updated together: local parts, with the states that the numerator needs."""

    params: TensorList
    grads: TensorList
    states: dict[str, TensorList]
    numels: list[int]  # of the whole tensors
    like: Tensor  # tells how the tensors are sharded


def numerator_of(aoptlr: bool, num_lrc: int) -> int:
    """The numerator in force: steps that are not normalised have none of their own."""
    return num_lrc if aoptlr else 0


def decay_in_step(numbers: Numbers) -> float:
    """The weight decay's factor where it acts in the step."""
    pole, zero = numbers.filters.beta_i, numbers.filters.gamma_i
    return numbers.weight_decay * (1 - pole) / (1 - zero) if numbers.wd_lvl == 1 else 0.0


# One tensor, as it is written.


def single_tensor_step(bundle: Bundle, numbers: Numbers) -> None:
    """Update one parameter; the oracle of ``multi_tensor_step``."""
    (weight,), (grad,) = bundle.params, bundle.grads
    state = {name: tensors[0] for name, tensors in bundle.states.items()}
    grad = -grad if numbers.maximize else grad
    if numbers.wd_lvl == 0:
        grad = grad + numbers.weight_decay * weight
    velocity, unfiltered = _single_direction(grad, state, numbers)
    velocity = velocity + decay_in_step(numbers) * weight
    numerator = numerator_of(numbers.aoptlr, numbers.num_lrc)
    rate: float | Tensor = numbers.lr
    if numerator == 4:
        velocity = _single_huber(velocity, state, bundle, numbers)
    elif numerator:
        scales = _single_scales(weight, velocity, unfiltered, state, numbers)
        total = sum_over_shards_(scales.to(state["rate"].dtype).sum(), bundle.like)
        rate = lowpass_(state["rate"], total / bundle.numels[0], step=numbers.step, beta=RATE_POLE)
    weight.sub_(rate * numbers.window * velocity)


def _single_direction(grad: Tensor, state: dict[str, Tensor], numbers: Numbers) -> tuple[Tensor, Tensor]:
    """The filtered and the unfiltered gradient, both over the denominator."""
    poles, step = numbers.filters, numbers.step
    eta, debias = poles.eta_i, poles.debias
    velocity = lowpass_(
        state["average"], grad, step=step, beta=poles.beta_i, gamma=poles.gamma_i, eta=eta, debias=debias
    )
    if not numbers.aoptlr:
        return velocity, grad
    square = (grad + numbers.eps) ** 2
    square = lowpass_(state["square"], square, step=step, beta=poles.beta_a, eta=eta, debias=debias)
    denominator = square.sqrt() + numbers.eps
    return velocity / denominator, grad / denominator


def _single_huber(velocity: Tensor, state: dict[str, Tensor], bundle: Bundle, numbers: Numbers) -> Tensor:
    def norm(tensor: Tensor) -> Tensor:
        squares = tensor.to(state["norm"].dtype).square().sum()
        return sum_over_shards_(squares, bundle.like).sqrt()

    step, pole, eps = numbers.step, numbers.filters.beta_n, numbers.eps
    center = lowpass_(state["norm"], norm(velocity), step=step, beta=pole)
    distance = norm(velocity - center) + eps
    deviation = lowpass_(state["deviation"], distance**2, step=step, beta=pole).sqrt() + eps
    return velocity * torch.minimum(distance, OUTLIER_DEVIATIONS * deviation) / distance


def _single_scales(
    weight: Tensor, velocity: Tensor, unfiltered: Tensor, state: dict[str, Tensor], numbers: Numbers
) -> Tensor:
    """The rate that each element asks for (numerators 1, 2, 3)."""
    step, lr, poles = numbers.step, numbers.lr, numbers.filters
    if numbers.num_lrc == 3:
        square = lowpass_(state["step_square"], lr * unfiltered**2, step=step, beta=poles.beta_n)
        return square.clamp(max=lr)
    ceiling = lowpass_(state["weight_square"], weight**2, step=step, beta=poles.beta_n) + 1
    product = weight * velocity
    if numbers.num_lrc == 2:
        size = lowpass_(state["correlation_size"], product.abs(), step=step, beta=poles.beta_a)
        cut = torch.minimum(product.abs(), OUTLIER_DEVIATIONS * size)
        product = product.sign() * cut / ceiling
    correlation = lowpass_(state["correlation"], lr * product, step=step, beta=poles.beta_n, eta=1.0)
    return torch.minimum(correlation.abs(), lr * ceiling)


# Many tensors, in few passes over memory.


def multi_tensor_step(bundle: Bundle, numbers: Numbers) -> None:
    """Update all tensors of a bundle."""
    velocity, denominators = _directions(bundle, numbers)
    numerator = numerator_of(numbers.aoptlr, numbers.num_lrc)
    if numerator == 0:
        torch._foreach_add_(bundle.params, velocity, alpha=-numbers.lr * numbers.window)
    elif numerator == 4:
        shrinkage = _shrinkage(bundle, velocity, numbers)
        torch._foreach_addcmul_(bundle.params, velocity, shrinkage, value=-numbers.lr * numbers.window)
    else:
        scales = NUMERATORS[numerator](bundle, velocity, denominators, numbers)
        rates = _rates(bundle, scales, numbers)
        torch._foreach_addcmul_(bundle.params, velocity, rates, value=-numbers.window)


def _directions(bundle: Bundle, numbers: Numbers) -> tuple[TensorList, TensorList]:
    """The steps, and the unfiltered normalised gradients where numerator 3 needs them."""
    poles, step = numbers.filters, numbers.step
    grads = _effective_grads(bundle, numbers)
    velocity = foreach_lowpass_(
        bundle.states["average"], grads, step=step, beta=poles.beta_i, gamma=poles.gamma_i
    )
    gain = output_gain(poles.beta_i, step=step, eta=poles.eta_i, debias=poles.debias)
    unfiltered: TensorList = ()
    if numbers.aoptlr:
        denominators = _denominators(bundle, grads, numbers)
        if numbers.num_lrc == 3:
            unfiltered = torch._foreach_div(grads, denominators)
        torch._foreach_div_(denominators, gain)
        velocity = torch._foreach_div(velocity, denominators)
    elif gain != 1:
        velocity = torch._foreach_mul(velocity, gain)
    decay = decay_in_step(numbers)
    return (torch._foreach_add(velocity, bundle.params, alpha=decay) if decay else velocity), unfiltered


def _effective_grads(bundle: Bundle, numbers: Numbers) -> TensorList:
    grads = torch._foreach_neg(bundle.grads) if numbers.maximize else bundle.grads
    if numbers.wd_lvl == 0 and numbers.weight_decay:
        return torch._foreach_add(grads, bundle.params, alpha=numbers.weight_decay)
    return grads


def _denominators(bundle: Bundle, grads: TensorList, numbers: Numbers) -> TensorList:
    poles, step = numbers.filters, numbers.step
    squares = torch._foreach_add(grads, numbers.eps)
    torch._foreach_mul_(squares, squares)
    averages = foreach_lowpass_(bundle.states["square"], squares, step=step, beta=poles.beta_a)
    denominators = torch._foreach_sqrt(averages)
    gain = output_gain(poles.beta_a, step=step, eta=poles.eta_i, debias=poles.debias)
    if gain != 1:
        torch._foreach_mul_(denominators, gain**0.5)
    torch._foreach_add_(denominators, numbers.eps)
    return denominators


def _shrinkage(bundle: Bundle, velocity: TensorList, numbers: Numbers) -> TensorList:
    """The factor per tensor that keeps its step's norm near what it has been (numerator 4)."""
    step, pole = numbers.step, numbers.filters.beta_n
    centers = foreach_lowpass_(bundle.states["norm"], _norms(bundle, velocity), step=step, beta=pole)
    distances = _norms(bundle, torch._foreach_sub(velocity, centers))
    torch._foreach_add_(distances, numbers.eps)
    squares = torch._foreach_mul(distances, distances)
    bounds = torch._foreach_sqrt(foreach_lowpass_(bundle.states["deviation"], squares, step=step, beta=pole))
    torch._foreach_add_(bounds, numbers.eps)
    torch._foreach_mul_(bounds, OUTLIER_DEVIATIONS)
    torch._foreach_minimum_(bounds, distances)
    return torch._foreach_div(bounds, distances)


def _norms(bundle: Bundle, tensors: TensorList) -> list[Tensor]:
    norms = torch._foreach_norm(tensors, 2, dtype=bundle.states["norm"][0].dtype)
    squares = sums_over_shards(torch._foreach_mul(norms, norms), bundle.like)
    return list(torch._foreach_sqrt(squares))


def _rates(bundle: Bundle, scales: TensorList, numbers: Numbers) -> TensorList:
    """One rate per tensor: the mean of what its elements ask for, filtered over steps."""
    dtype = bundle.states["rate"][0].dtype
    totals = sums_over_shards(torch._foreach_norm(scales, 1, dtype=dtype), bundle.like)
    torch._foreach_div_(totals, [float(numel) for numel in bundle.numels])
    return foreach_lowpass_(bundle.states["rate"], totals, step=numbers.step, beta=RATE_POLE)


def _correlation_scales(
    bundle: Bundle, velocity: TensorList, _unfiltered: TensorList, numbers: Numbers
) -> TensorList:
    pole = numbers.filters.beta_n
    _average_squares_(bundle.states["weight_square"], bundle.params, 1 - pole, pole)
    return _capped_correlations(bundle, bundle.params, velocity, numbers)


def _cut_correlation_scales(
    bundle: Bundle, velocity: TensorList, _unfiltered: TensorList, numbers: Numbers
) -> TensorList:
    pole = numbers.filters.beta_n
    _average_squares_(bundle.states["weight_square"], bundle.params, 1 - pole, pole)
    products = torch._foreach_mul(bundle.params, velocity)
    cut = torch._foreach_abs(products)
    sizes = bundle.states["correlation_size"]
    foreach_lowpass_(sizes, cut, step=numbers.step, beta=numbers.filters.beta_a)
    torch._foreach_minimum_(cut, torch._foreach_mul(sizes, OUTLIER_DEVIATIONS))
    torch._foreach_div_(cut, torch._foreach_add(bundle.states["weight_square"], 1))
    torch._foreach_sign_(products)
    return _capped_correlations(bundle, products, cut, numbers)


def _capped_correlations(
    bundle: Bundle, left: TensorList, right: TensorList, numbers: Numbers
) -> list[Tensor]:
    """``min(|LPF(lr*left*right)|, lr*(weight_square + 1))``, the filter with a gain of one at its input."""
    lr, pole = numbers.lr, numbers.filters.beta_n
    correlations = bundle.states["correlation"]
    torch._foreach_mul_(correlations, pole)
    torch._foreach_addcmul_(correlations, left, right, value=lr * (1 - pole))
    scales = torch._foreach_abs(correlations)
    torch._foreach_mul_(scales, output_gain(pole, step=numbers.step, eta=1.0))
    ceilings = torch._foreach_mul(bundle.states["weight_square"], lr)
    torch._foreach_add_(ceilings, lr)
    torch._foreach_minimum_(scales, ceilings)
    return list(scales)


def _step_scales(
    bundle: Bundle, _velocity: TensorList, unfiltered: TensorList, numbers: Numbers
) -> TensorList:
    lr, pole = numbers.lr, numbers.filters.beta_n
    squares = bundle.states["step_square"]
    _average_squares_(squares, unfiltered, lr * (1 - pole), pole)
    return torch._foreach_clamp_max(squares, lr)


def _average_squares_(averages: TensorList, values: TensorList, weight: float, pole: float) -> None:
    torch._foreach_mul_(averages, pole)
    torch._foreach_addcmul_(averages, values, values, value=weight)


Numerator = Callable[[Bundle, TensorList, TensorList, Numbers], TensorList]
NUMERATORS: dict[int, Numerator] = {1: _correlation_scales, 2: _cut_correlation_scales, 3: _step_scales}
