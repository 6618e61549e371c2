"""AutoSGM's first-order low-pass filter, for one tensor as in its definition and for many in few passes.

The filter is ``s <- s + e*x``, ``y = s/u``, ``s <- beta*s - gamma*e*x`` with ``e = eta or 1 - beta`` and
``u = 1 - gamma`` (1 in the first step). Its state here is the plain running average ``m``, which is ``s`` up
to a factor, ``s = m * (beta - gamma)*e/(1 - beta)``: one ``lerp`` advances it, whatever the zero and gain.
"""

import torch
from torch import Tensor

TensorList = list[Tensor] | tuple[Tensor, ...]


def lowpass_(
    average: Tensor,
    value: Tensor,
    *,
    step: int,
    beta: float,
    gamma: float = 0.0,
    eta: float = 0.0,
    debias: bool = False,
) -> Tensor:
    """Advance one tensor's filter in place and return its output."""
    gain = eta or 1 - beta
    first = 1.0 if step == 1 else 1 - gamma
    output = ((beta - gamma) * gain / (1 - beta) * average + gain * value) / first
    average.copy_(beta * average + (1 - beta) * value)
    return output * ((1 - beta) / gain / (1 - beta**step)) if debias else output


def output_gain(beta: float, *, step: int, eta: float = 0.0, debias: bool = False) -> float:
    """Return the factor from the result of ``foreach_lowpass_`` to the filter's output.

    Example:
        >>> output_gain(0.9, step=1, debias=True)
        10.000000000000002
        >>> output_gain(0.9, step=5)
        1.0
    """
    if debias:
        return 1 / (1 - beta**step)
    return eta / (1 - beta) if eta else 1.0


def foreach_lowpass_(
    averages: TensorList, values: TensorList, *, step: int, beta: float, gamma: float = 0.0
) -> TensorList:
    """Advance many filters in place and return their outputs up to ``output_gain``.

    Without a zero (``gamma = 0``) the outputs are the states themselves: read them, do not write to them.
    """
    if gamma == 0 or step == 1:
        torch._foreach_lerp_(averages, values, 1 - beta)
        return averages
    outputs = torch._foreach_lerp(averages, values, (1 - beta) / (1 - gamma))
    torch._foreach_lerp_(averages, values, 1 - beta)
    return outputs
