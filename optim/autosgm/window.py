"""AutoSGM's windows: a factor on the learning rate by step, periodic over frames of steps."""

import math
from collections.abc import Callable
from functools import lru_cache

from optim.autosgm.settings import WindowShape

GOLDEN_FRACTION = (math.sqrt(5) - 1) / 2


def _logistic(f: float, n: float, middle: float) -> float:
    """A falling logistic around ``middle``, scaled to 1 at ``f = 0`` and to 0 at ``f = 1``."""

    def raw(at: float) -> float:
        return 1 / (1 + 2 ** (2 * n * (at - middle)))

    return (raw(f) - raw(1)) / (raw(0) - raw(1))


SHAPES: dict[int, Callable[[float, float], float]] = {
    1: lambda f, n: math.cos(math.pi * f / 2) ** n,
    2: lambda f, n: (1 - f) ** n,
    3: lambda f, n: (n**f - n) / (1 - n),
    4: lambda f, n: (1 - f**n) ** 2,
    5: lambda f, n: _logistic(f, n, 0.5),
    6: lambda f, n: _logistic(f, n, 0.875),
}


def window_value(step: int, shape: WindowShape) -> float:
    """Return the factor at a step, counted from 1.

    Example:
        >>> [window_value(t, WindowShape(rcm=2, n=1.0, tau=1, spe=4)) for t in (1, 2, 3, 4, 5)]
        [1.0, 0.75, 0.5, 0.25, 1.0]
    """
    if shape.rcm == 0:
        return 1.0
    count = (step - 1) // shape.spe if shape.cfact == 0 else step - 1
    length = _frame_length(shape)
    fraction = (count % length) / length  # the step's position in its frame, in [0, 1)
    if shape.m == 0:
        fraction = abs(2 * fraction - 1)
    if fraction < shape.e:
        return 1.0
    fraction = (fraction - shape.e) / (1 - shape.e)
    if not shape.inseq:
        return _floored(fraction, shape)
    values = _sorted_values(shape)
    return values[min(int(fraction * len(values) + 1e-9), len(values) - 1)]


def _frame_length(shape: WindowShape) -> int:
    """Return a frame's length in steps, or in epochs where the window is constant within an epoch."""
    return {0: shape.tau, 1: shape.tau * shape.spe, 2: shape.spe}[shape.cfact]


def _floored(fraction: float, shape: WindowShape) -> float:
    return shape.x + (1 - shape.x) * SHAPES[shape.rcm](fraction, shape.n)


@lru_cache(maxsize=16)
def _sorted_values(shape: WindowShape) -> tuple[float, ...]:
    """Return a frame's values at the golden section's points, from large to small."""
    size = max(1, round(_frame_length(shape) * (1 - shape.e)))
    return tuple(sorted((_floored(j * GOLDEN_FRACTION % 1.0, shape) for j in range(size)), reverse=True))
