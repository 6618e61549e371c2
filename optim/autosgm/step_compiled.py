"""AutoSGM's step of one tensor on a processor, by compiled loops.

A processor waits for memory: torch's operations, each a pass of its own, take several times as long as loops
that read every value once. The states are those of the other two paths, so a run may change between them.
Importing this file needs Numba.
"""

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optim.autosgm import loops as loops
from optim.autosgm.bundle import OUTLIER_DEVIATIONS, RATE_POLE, Bundle, Numbers
from optim.autosgm.lowpass import lowpass_, output_gain

Array = NDArray[Any]
PRECISIONS: dict[torch.dtype, Callable[[float], Any]] = {
    torch.float32: np.float32,
    torch.float64: np.float64,
}


class Scratch(threading.local):
    """Memory for the steps of one tensor and for a block, one of each per thread."""

    def __init__(self) -> None:
        self._memory: dict[str, Array] = {}

    def room(self, purpose: str, like: Array, size: int) -> Array:
        """An uninitialised array; what an earlier call gave for the same purpose is overwritten."""
        memory = self._memory.get(purpose)
        if memory is None or memory.size < size or memory.dtype != like.dtype:
            memory = self._memory[purpose] = np.empty(size, like.dtype)
        return memory[:size]


def compiled_step(bundle: Bundle, numbers: Numbers, scratch: Scratch) -> None:
    """Update the one tensor of a bundle: contiguous, of a precision in ``PRECISIONS``."""
    weights, grads = _flat(bundle.params[0]), _flat(bundle.grads[0])
    states = {name: _flat(tensors[0]) for name, tensors in bundle.states.items()}
    exact = PRECISIONS[bundle.params[0].dtype]
    c = _coefficients(numbers, exact)
    factor = numbers.lr * numbers.window * float(c.scale)
    if not numbers.aoptlr:
        loops.step_plainly(weights, grads, states["average"], c, exact(factor))
        return
    if numbers.numerator == 0:
        loops.step_normalised(weights, grads, states["average"], states["square"], c, exact(factor))
        return
    steps = scratch.room("steps", weights, weights.size)
    loops.take_steps(weights, grads, states["average"], states["square"], steps, c)
    if numbers.numerator == 4:
        factor *= _shrinkage(steps, bundle, numbers, float(c.scale))
    else:
        total = _total(weights, grads, steps, states, numbers.numerator, scratch, c)
        rate = bundle.scalars["rate"][0]
        mean = torch.full_like(rate, total / bundle.numels[0])
        asked = float(lowpass_(rate, mean, step=numbers.step, beta=RATE_POLE))
        factor = asked * numbers.window * float(c.scale)
    loops.apply_steps(weights, steps, exact(factor))


def _flat(tensor: Tensor) -> Array:
    array: Array = tensor.detach().view(-1).numpy()
    return array


def _total(
    weights: Array,
    grads: Array,
    steps: Array,
    states: dict[str, Array],
    numerator: int,
    scratch: Scratch,
    c: loops.Coefficients,
) -> float:
    """The sum of the rates that the elements ask for (numerators 1, 2, 3)."""
    if numerator == 3:
        return loops.step_square_total(weights, grads, states["square"], states["step_square"], c)
    squares, correlations = states["weight_square"], states["correlation"]
    if numerator == 1:
        return loops.correlation_total(weights, steps, squares, correlations, c)
    room = scratch.room("cut", weights, loops.BLOCK)
    return loops.cut_correlation_total(
        weights, steps, squares, correlations, states["correlation_size"], room, c
    )


def _shrinkage(steps: Array, bundle: Bundle, numbers: Numbers, scale: float) -> float:
    """The factor that keeps a tensor's step near the norm that it has had (numerator 4)."""
    pole, step, eps = numbers.filters.beta_n, numbers.step, numbers.eps
    exact = steps.dtype.type

    def filtered(state: Tensor, value: float) -> float:
        return float(lowpass_(state, torch.full_like(state, value), step=step, beta=pole))

    norm = scale * loops.squared_distance(steps, exact(0)) ** 0.5
    center = filtered(bundle.scalars["norm"][0], norm)
    distance = scale * loops.squared_distance(steps, exact(center / scale)) ** 0.5 + eps
    deviation = filtered(bundle.scalars["deviation"][0], distance**2) ** 0.5 + eps
    return min(distance, OUTLIER_DEVIATIONS * deviation) / distance if distance else math.nan


def _coefficients(numbers: Numbers, exact: Callable[[float], Any]) -> loops.Coefficients:
    poles, step, lr = numbers.filters, numbers.step, numbers.lr
    top_gain = output_gain(poles.beta_i, step=step, eta=poles.eta_i, debias=poles.debias)
    bottom_gain = output_gain(poles.beta_a, step=step, eta=poles.eta_i, debias=poles.debias)
    scale = top_gain / bottom_gain**0.5 if numbers.aoptlr else top_gain
    gain = output_gain(poles.beta_n, step=step, eta=1.0)
    numerator_share = 1 - poles.beta_n
    # In numerator 2 the cut needs products in their proper scale; they keep it in their average's share.
    correlation_scale = 1.0 if numbers.numerator == 2 else scale
    coefficients = loops.Coefficients(
        sign=-1.0 if numbers.maximize else 1.0,
        grad_decay=numbers.weight_decay if numbers.wd_lvl == 0 else 0.0,
        average_share=1 - poles.beta_i,
        top_share=(1 - poles.beta_i) / (1 - poles.gamma_i if step > 1 else 1.0),
        square_share=1 - poles.beta_a,
        eps=numbers.eps,
        bottom_eps=numbers.eps / bottom_gain**0.5,
        step_decay=numbers.decay_in_step / scale,
        scale=scale,
        size_share=1 - poles.beta_a,
        numerator_share=numerator_share,
        correlation_share=lr * numerator_share * correlation_scale,
        step_square_share=lr * numerator_share / bottom_gain,
        outlier=OUTLIER_DEVIATIONS,
        gain=gain,
        ceiling=lr / gain,
        lr=lr,
    )
    return loops.Coefficients(*(exact(value) for value in coefficients))
