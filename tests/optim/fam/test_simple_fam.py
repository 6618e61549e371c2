import pytest
import torch
from torch import nn

from optim import SimpleFAM
from optim.fam.simple_fam import high_frequency_momentum


def test_alternating_signal_raises_the_momentum_fully():
    alternating = torch.tensor([1.0, -1.0]).repeat(50)[None]
    assert high_frequency_momentum(alternating, 0.9).item() == pytest.approx(0.95)


def test_constant_signal_leaves_the_momentum():
    assert high_frequency_momentum(torch.ones(1, 100), 0.9).item() == pytest.approx(0.9)


def test_momentum_is_bounded():
    alternating = torch.tensor([1.0, -1.0]).repeat(50)[None]
    assert high_frequency_momentum(alternating, 0.97).item() == pytest.approx(0.98)


@pytest.mark.parametrize(
    ("numel", "steps", "differs"), [(1000, 101, False), (1001, 100, False), (1001, 101, True)]
)
def test_spectrum_counts_above_1000_elements_and_after_100_steps(numel, steps, differs):
    param, plain = (nn.Parameter(torch.zeros(numel, dtype=torch.float64)) for _ in range(2))
    optimizer, average = SimpleFAM([param], lr=0.1), torch.zeros(numel, dtype=torch.float64)
    for step in range(steps):
        param.grad = torch.randn(numel, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
        optimizer.step()
        average = 0.9 * average + 0.1 * param.grad
        plain.data -= 0.1 * average
    assert torch.allclose(param, plain, rtol=0, atol=1e-9) is not differs


@pytest.mark.parametrize(("settings", "message"), [({"alpha": 1.0}, "alpha"), ({"lr": -1.0}, "lr")])
def test_impossible_setting_is_refused(settings, message):
    with pytest.raises(ValueError, match=f"SimpleFAM: {message} must"):
        SimpleFAM([nn.Parameter(torch.zeros(2))], **settings)
