"""The loops of AutoSGM's step on a processor, compiled by Numba at their first call.

Each loop is short and touches at most four arrays that do not overlap in memory: with more, the compiler does
not prove that they are apart, and computes one element at a time. A step with more arrays works on blocks,
which stay in the fastest cache from one loop to the next. This file needs Numba; importing it takes a second.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]
Function = TypeVar("Function", bound=Callable[..., Any])

BLOCK = 4096


class Coefficients(NamedTuple):
    """The factors of the loops, in the precision of the tensors."""

    sign: float  # of the gradients: -1 to ascend
    grad_decay: float  # weight decay that acts in the gradient
    average_share: float  # of a new gradient in its average
    top_share: float  # of a new gradient in its filter's output
    square_share: float  # of a new square in its average
    eps: float
    bottom_eps: float  # eps against denominators before their gain
    step_decay: float  # weight decay that acts in the step, before its scale
    scale: float  # factor of the steps
    size_share: float
    numerator_share: float
    correlation_share: float
    step_square_share: float
    outlier: float
    gain: float  # of the numerator's filter
    ceiling: float  # the rate over that gain
    lr: float


def _compiled(function: Function) -> Function:
    """Compile at the first call; keep the result on the disk where it can be written."""
    # Sums may be reordered, or they would go one element at a time; NaN and infinity keep their meaning.
    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": {"contract", "reassoc", "nsz"},
        "error_model": "numpy",
    }
    try:
        return cast("Function", njit(cache=True, **options)(function))
    except RuntimeError:  # no folder can keep it
        return cast("Function", njit(**options)(function))


@_compiled
def step_plainly(weights: Array, grads: Array, averages: Array, c: Coefficients, factor: float) -> None:
    """Step by the filtered gradient itself."""
    for i in range(weights.size):
        old = averages[i]
        change = c.sign * grads[i] + c.grad_decay * weights[i] - old
        averages[i] = old + c.average_share * change
        weights[i] -= factor * (old + c.top_share * change + c.step_decay * weights[i])


@_compiled
def step_normalised(
    weights: Array, grads: Array, averages: Array, squares: Array, c: Coefficients, factor: float
) -> None:
    """Step by the filtered gradient over the root of the filtered squared gradient."""
    for i in range(weights.size):
        grad = c.sign * grads[i] + c.grad_decay * weights[i]
        old = averages[i]
        averages[i] = old + c.average_share * (grad - old)
        square = squares[i] + c.square_share * ((grad + c.eps) * (grad + c.eps) - squares[i])
        squares[i] = square
        fraction = (old + c.top_share * (grad - old)) / (math.sqrt(square) + c.bottom_eps)
        weights[i] -= factor * (fraction + c.step_decay * weights[i])


@_compiled
def _tops(weights: Array, grads: Array, averages: Array, steps: Array, c: Coefficients) -> None:
    for i in range(weights.size):
        old = averages[i]
        change = c.sign * grads[i] + c.grad_decay * weights[i] - old
        averages[i] = old + c.average_share * change
        steps[i] = old + c.top_share * change


@_compiled
def _over_bottoms(weights: Array, grads: Array, squares: Array, steps: Array, c: Coefficients) -> None:
    for i in range(weights.size):
        shifted = c.sign * grads[i] + c.grad_decay * weights[i] + c.eps
        square = squares[i] + c.square_share * (shifted * shifted - squares[i])
        squares[i] = square
        steps[i] = steps[i] / (math.sqrt(square) + c.bottom_eps) + c.step_decay * weights[i]


@_compiled
def take_steps(
    weights: Array, grads: Array, averages: Array, squares: Array, steps: Array, c: Coefficients
) -> None:
    """Advance both filters and write the steps, before their scale and rate."""
    for start in range(0, weights.size, BLOCK):
        end = start + BLOCK
        _tops(weights[start:end], grads[start:end], averages[start:end], steps[start:end], c)
        _over_bottoms(weights[start:end], grads[start:end], squares[start:end], steps[start:end], c)


@_compiled
def apply_steps(weights: Array, steps: Array, factor: float) -> None:
    """Move the weights by a multiple of the steps."""
    for i in range(weights.size):
        weights[i] -= factor * steps[i]


@_compiled
def squared_distance(steps: Array, center: float) -> float:
    """Sum the squared differences from one number."""
    total = 0.0
    for i in range(steps.size):
        total += (steps[i] - center) * (steps[i] - center)
    return total


@_compiled
def correlation_total(
    weights: Array, steps: Array, weight_squares: Array, correlations: Array, c: Coefficients
) -> float:
    """Numerator 1: sum the rates that follow from the correlations of weights and steps."""
    total = 0.0
    for i in range(weights.size):
        weight = weights[i]
        square = weight_squares[i] + c.numerator_share * (weight * weight - weight_squares[i])
        weight_squares[i] = square
        old = correlations[i]
        correlation = old - c.numerator_share * old + c.correlation_share * (weight * steps[i])
        correlations[i] = correlation
        total += min(abs(correlation), c.ceiling * (square + 1))
    return c.gain * total


@_compiled
def _cut_products(weights: Array, steps: Array, sizes: Array, cut: Array, c: Coefficients) -> None:
    for i in range(weights.size):
        product = c.scale * (weights[i] * steps[i])
        size = sizes[i] + c.size_share * (abs(product) - sizes[i])
        sizes[i] = size
        cut[i] = math.copysign(min(abs(product), c.outlier * size), product)


@_compiled
def _cut_total(
    weights: Array, cut: Array, weight_squares: Array, correlations: Array, c: Coefficients
) -> float:
    total = 0.0
    for i in range(weights.size):
        square = weight_squares[i] + c.numerator_share * (weights[i] * weights[i] - weight_squares[i])
        weight_squares[i] = square
        old = correlations[i]
        correlation = old - c.numerator_share * old + c.correlation_share * (cut[i] / (square + 1))
        correlations[i] = correlation
        total += min(abs(correlation), c.ceiling * (square + 1))
    return total


@_compiled
def cut_correlation_total(
    weights: Array,
    steps: Array,
    weight_squares: Array,
    correlations: Array,
    sizes: Array,
    cut: Array,
    c: Coefficients,
) -> float:
    """Numerator 2: the same with outlying correlations cut; ``cut`` holds a block."""
    total = 0.0
    for start in range(0, weights.size, BLOCK):
        end = min(start + BLOCK, weights.size)
        room = cut[: end - start]
        _cut_products(weights[start:end], steps[start:end], sizes[start:end], room, c)
        total += _cut_total(weights[start:end], room, weight_squares[start:end], correlations[start:end], c)
    return c.gain * total


@_compiled
def step_square_total(
    weights: Array, grads: Array, squares: Array, step_squares: Array, c: Coefficients
) -> float:
    """Numerator 3: sum the rates that follow from the mean squares of the unfiltered steps."""
    total = 0.0
    for i in range(weights.size):
        grad = c.sign * grads[i] + c.grad_decay * weights[i]
        step = grad / (math.sqrt(squares[i]) + c.bottom_eps)
        old = step_squares[i]
        rate = old - c.numerator_share * old + c.step_square_share * (step * step)
        step_squares[i] = rate
        total += min(rate, c.lr)
    return total
