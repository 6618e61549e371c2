"""Both forms of the filter against its definition in double precision."""

import math

import pytest
import torch

from optim.autosgm.lowpass import foreach_lowpass_, lowpass_, output_gain

POLES = [
    (0.9, 0.0),
    (0.9, 0.9 / 1.9),
    (0.9, 1 - math.sqrt(2 * 0.1)),
    (0.9, 0.9),
    (0.9, 0.95),
    (0.0, 0.0),
    (0.0, 0.3),
    (0.9999, 0.0),
]


def by_definition(values, beta, gamma, eta, debias):
    state, outputs = 0.0, []
    gain = eta or 1 - beta
    for step, value in enumerate(values, start=1):
        state += gain * value
        output = state / (1 if step == 1 else 1 - gamma)
        state = beta * state - gamma * gain * value
        outputs.append(output * ((1 - beta) / gain) / (1 - beta**step) if debias else output)
    return outputs


@pytest.mark.parametrize(("beta", "gamma"), POLES)
@pytest.mark.parametrize("eta", [0.0, 1.0, 0.3])
@pytest.mark.parametrize("debias", [True, False])
def test_both_forms_follow_the_definition(beta, gamma, eta, debias):
    values = torch.randn(20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one, many = torch.zeros((), dtype=torch.float64), [torch.zeros((), dtype=torch.float64)]
    expected = by_definition(values.tolist(), beta, gamma, eta, debias)
    for step, value in enumerate(values, start=1):
        output = lowpass_(one, value, step=step, beta=beta, gamma=gamma, eta=eta, debias=debias)
        (unscaled,) = foreach_lowpass_(many, [value], step=step, beta=beta, gamma=gamma)
        scaled = unscaled * output_gain(beta, step=step, eta=eta, debias=debias)
        assert output.item() == pytest.approx(expected[step - 1], rel=1e-9, abs=1e-12)
        assert scaled.item() == pytest.approx(expected[step - 1], rel=1e-9, abs=1e-12)
