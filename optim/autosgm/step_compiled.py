"""AutoSGM's steps on a processor, by compiled loops, one tensor per thread.

A processor waits for memory: torch's operations, each a pass over all values, take several times as long as
loops that read every value once; and threads that take whole tensors meet once per step, where torch's meet
after every operation. The states are those of the other two paths, so a run may change between them.
Importing this file needs Numba.
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optim.autosgm import loops
from optim.autosgm.bundle import OUTLIER_DEVIATIONS, RATE_POLE, Bundle, Numbers
from optim.autosgm.lowpass import lowpass_

Array = NDArray[Any]
Planned = tuple[Bundle, Numbers]
MAX_THREADS = 8  # more would wait for the interpreter
MIN_NUMEL = 2**20  # below this, starting threads costs more than they save


def compiled_steps(planned: Sequence[Planned]) -> None:
    """Update the one tensor of each bundle, on as many threads as torch uses where it is worth it."""
    scratch = _Scratch()

    def work(one: Planned) -> None:
        _compiled_step(*one, scratch)

    num_threads = min(torch.get_num_threads(), MAX_THREADS)
    if num_threads == 1 or sum(bundle.numels[0] for bundle, _ in planned) < MIN_NUMEL:
        deque(map(work, planned), maxlen=0)
    else:
        with ThreadPoolExecutor(num_threads) as pool:  # gradients are switched off per thread
            deque(pool.map(torch.no_grad()(work), planned), maxlen=0)
    torch.autograd.graph.increment_version([bundle.params[0] for bundle, _ in planned])


class _Scratch(threading.local):
    """Memory for the steps of one tensor and for a block, one of each per thread."""

    def __init__(self) -> None:
        self._memory: dict[str, Array] = {}

    def room(self, purpose: str, like: Array, size: int) -> Array:
        """Return an uninitialised array; the one of an earlier call for the same purpose is overwritten."""
        memory = self._memory.get(purpose)
        if memory is None or memory.size < size or memory.dtype != like.dtype:
            memory = self._memory[purpose] = np.empty(size, like.dtype)
        return memory[:size]


def _compiled_step(bundle: Bundle, numbers: Numbers, scratch: _Scratch) -> None:
    """Update the one tensor of a bundle: contiguous, in 32 or 64 bits."""
    weights, grads = _flat(bundle.params[0]), _flat(bundle.grads[0])
    states = {name: _flat(tensors[0]) for name, tensors in bundle.states.items()}
    exact = weights.dtype.type
    c = _coefficients(numbers, exact)
    factor = numbers.rate * float(c.scale)
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
    scratch: _Scratch,
    c: loops.Coefficients,
) -> float:
    """Return the sum of the elements' rates (numerators 1, 2, 3)."""
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
    """Return the factor that keeps a tensor's step near its norms so far (numerator 4)."""
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
    poles, lr, scale = numbers.filters, numbers.lr, numbers.step_scale
    numerator_share = 1 - poles.beta_n
    # In numerator 2 the cut needs products in their proper scale; they keep it in their average's share.
    correlation_scale = 1.0 if numbers.numerator == 2 else scale
    coefficients = loops.Coefficients(
        sign=-1.0 if numbers.maximize else 1.0,
        grad_decay=numbers.weight_decay if numbers.wd_lvl == 0 else 0.0,
        average_share=1 - poles.beta_i,
        top_share=(1 - poles.beta_i) / (1 - poles.gamma_i if numbers.step > 1 else 1.0),
        square_share=1 - poles.beta_a,
        eps=numbers.eps,
        bottom_eps=numbers.eps / numbers.square_gain**0.5,
        step_decay=numbers.decay_in_step / scale,
        scale=scale,
        size_share=1 - poles.beta_a,
        numerator_share=numerator_share,
        correlation_share=lr * numerator_share * correlation_scale,
        step_square_share=lr * numerator_share / numbers.square_gain,
        outlier=OUTLIER_DEVIATIONS,
        gain=numbers.numerator_gain,
        ceiling=lr / numbers.numerator_gain,
        lr=lr,
    )
    return loops.Coefficients(*(exact(value) for value in coefficients))
