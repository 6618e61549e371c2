"""AutoSGM's step of one tensor, written as in its definition: the oracle of the step of many."""

import torch
from torch import Tensor

from optim.autosgm.bundle import OUTLIER_DEVIATIONS, RATE_POLE, Bundle, Numbers
from optim.autosgm.lowpass import lowpass_
from optim.sharding import sum_over_shards_


def single_tensor_step(bundle: Bundle, numbers: Numbers) -> None:
    """Update one parameter; the oracle of ``multi_tensor_step``."""
    (weight,), (grad,) = bundle.params, bundle.grads
    state = {name: tensors[0] for name, tensors in (bundle.states | bundle.scalars).items()}
    grad = -grad if numbers.maximize else grad
    if numbers.wd_lvl == 0:
        grad = grad + numbers.weight_decay * weight
    velocity, unfiltered = _direction(grad, state, numbers)
    velocity = velocity + numbers.decay_in_step * weight
    rate: float | Tensor = numbers.lr
    if numbers.numerator == 4:
        velocity = _huber(velocity, state, bundle, numbers)
    elif numbers.numerator:
        scales = _scales(weight, velocity, unfiltered, state, numbers)
        total = sum_over_shards_(scales.to(state["rate"].dtype).sum(), bundle.like)
        rate = lowpass_(state["rate"], total / bundle.numels[0], step=numbers.step, beta=RATE_POLE)
    weight.sub_(rate * numbers.window * velocity)


def _direction(grad: Tensor, state: dict[str, Tensor], numbers: Numbers) -> tuple[Tensor, Tensor]:
    """Return the filtered and the unfiltered gradient, both over the denominator."""
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


def _huber(velocity: Tensor, state: dict[str, Tensor], bundle: Bundle, numbers: Numbers) -> Tensor:
    def norm(tensor: Tensor) -> Tensor:
        squares = tensor.to(state["norm"].dtype).square().sum()
        return sum_over_shards_(squares, bundle.like).sqrt()

    step, pole, eps = numbers.step, numbers.filters.beta_n, numbers.eps
    center = lowpass_(state["norm"], norm(velocity), step=step, beta=pole)
    distance = norm(velocity - center) + eps
    deviation = lowpass_(state["deviation"], distance**2, step=step, beta=pole).sqrt() + eps
    return velocity * torch.minimum(distance, OUTLIER_DEVIATIONS * deviation) / distance


def _scales(
    weight: Tensor, velocity: Tensor, unfiltered: Tensor, state: dict[str, Tensor], numbers: Numbers
) -> Tensor:
    """Return the rate of each element (numerators 1, 2, 3)."""
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
