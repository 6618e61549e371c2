import pytest
import torch
from torch import nn

from optim import FAM, FAMOptimizer, get_parameter_groups
from optim.fam.optimizer import layer_boost
from tests.optim.optimizer_table import TinyNetwork, make_params, set_gradients, train


def effective_momentum(optimizer, param):
    before = optimizer.state[param]["momentum_buffer"].clone() if optimizer.state[param] else 0.0
    optimizer.step()
    after = optimizer.state[param]["momentum_buffer"]
    ratio = (after - param.grad) / (before - param.grad)
    return float(ratio.median())


def test_alias_is_the_same_class():
    assert FAMOptimizer is FAM


def test_first_steps_are_heavy_ball_with_dampening():
    param = nn.Parameter(torch.tensor([1.0]))
    optimizer = FAM([param], lr=0.5, alpha=0.9, weight_decay=0.1)
    param.grad = torch.tensor([2.0])
    optimizer.step()
    assert param.item() == pytest.approx(1 - 0.5 * 0.1 * (2 + 0.1))


def test_noise_raises_the_momentum_and_a_slow_gradient_does_not():
    generator = torch.Generator().manual_seed(0)
    for grad, expected in ((torch.randn(400, generator=generator), 0.95), (torch.ones(400), 0.9)):
        param = nn.Parameter(torch.zeros(400))
        param.grad = grad
        optimizer = FAM([param], fam_start_step=0)
        assert effective_momentum(optimizer, param) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("numel", "start", "expected"), [(256, 0, 0.9), (257, 0, 0.95), (257, 1, 0.9)])
def test_spectrum_is_read_above_min_size_and_after_the_start(numel, start, expected):
    param = nn.Parameter(torch.zeros(numel))
    param.grad = torch.randn(numel, generator=torch.Generator().manual_seed(0))
    optimizer = FAM([param], fam_start_step=start)
    assert effective_momentum(optimizer, param) == pytest.approx(expected, abs=1e-4)


def test_names_choose_the_handler_where_none_is_given():
    noise = torch.randn(600, generator=torch.Generator().manual_seed(0))
    momenta = {}
    for name in ("feature_conv.weight", "embed.weight", "lm_head.weight"):
        param = nn.Parameter(torch.zeros(600))
        param.grad = noise.clone()
        optimizer = FAM([{"params": [param], "names": [name]}], fam_start_step=0)
        momenta[name] = round(effective_momentum(optimizer, param), 3)
    assert momenta == {"feature_conv.weight": 0.95, "embed.weight": 0.98, "lm_head.weight": 0.95}


def test_named_parameters_of_torch_are_names_too():
    model = TinyNetwork()
    optimizer = FAM(model.named_parameters(), layer_boost=True)
    assert optimizer.param_groups[0]["param_names"][0] == "feature_conv.weight"


def test_groups_of_the_table_train():
    model = TinyNetwork()
    params = list(model.parameters())
    optimizer = FAM(get_parameter_groups(model, 0.01, 0.1), fam_start_step=0, min_size=16)
    before = [param.detach().clone() for param in params]
    train(optimizer, params, 1, 3)
    assert all(not torch.equal(new, old) for new, old in zip(params, before, strict=True))


def test_lower_layers_are_boosted_more():
    boosts = [layer_boost(f"encoder.layers.{layer}.attention.weight", 3) for layer in range(3)]
    assert boosts == [1.5, 1.25, 1.0]
    assert layer_boost("lm_head.weight", 3) == 1.0


def test_layer_boost_changes_the_lowest_layer_and_not_the_topmost():
    grads = torch.randn(600, generator=torch.Generator().manual_seed(0))
    names = [f"encoder.layers.{layer}.feed_forward.weight" for layer in range(2)]
    params = [nn.Parameter(torch.zeros(600)) for _ in names]
    for param in params:
        param.grad = grads.clone()
    optimizer = FAM([{"params": params, "names": names}], fam_start_step=0, layer_boost=True, lr=1.0)
    optimizer.step()
    factors = [1 - (-param.detach() / grads).median().item() for param in params]
    assert factors == pytest.approx([0.975, 0.95], abs=1e-4)


def test_layer_boost_without_names_is_refused():
    with pytest.raises(ValueError, match="layer_boost needs parameter names: pass model.named_parameters"):
        FAM(make_params(), layer_boost=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": -1.0}, "FAM: lr must be a finite number >= 0, got -1.0"),
        ({"alpha": 1.0}, r"FAM: alpha must lie in \[0, 1\), got 1.0"),
        ({"beta": 1.5}, r"FAM: beta must lie in \[0, 1\), got 1.5"),
        ({"n_bands": 0}, "FAM: n_bands must be at least 1, got 0"),
        ({"debug": True, "debug_interval": 0}, "FAM: debug_interval must be at least 1, got 0"),
    ],
)
def test_impossible_setting_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        FAM(make_params(), **settings)


def test_unknown_handler_of_a_group_is_refused():
    with pytest.raises(ValueError, match=r"FAM: handler must be one of .*, got 'fourier'"):
        FAM([{"params": make_params(), "handler": "fourier"}])


def test_group_with_too_few_names_is_refused():
    with pytest.raises(ValueError, match="FAM: a group of 5 parameters needs as many names, got 1"):
        FAM([{"params": make_params(), "names": ["lm_head.weight"]}])


def test_misspelt_setting_is_refused():
    with pytest.raises(TypeError, match="alhpa"):
        FAM(make_params(), alhpa=0.9)


def test_nan_in_one_gradient_stays_with_its_parameter():
    params = make_params()
    optimizer = FAM(params, fam_start_step=0, min_size=16)
    set_gradients(params, 1)
    params[0].grad[0, 0] = float("nan")
    optimizer.step()
    assert all(torch.isfinite(param).all() for param in params[1:])
