import pytest
import torch
from torch import nn

from optim import AutoSGM
from optim.autosgm import optimizer as autosgm
from tests.optim.optimizer_table import make_params, set_gradients, train


def worst_difference(left, right):
    return max((a - b).abs().max().item() for a, b in zip(left, right, strict=True))


def test_defaults_are_adam_up_to_epsilon(foreach):
    ours, theirs = make_params(), make_params()
    train(AutoSGM(ours, lr_cfg=(True, 1e-2, 0), foreach=foreach), ours, 1, 30)
    train(torch.optim.Adam(theirs, lr=1e-2, eps=1e-8), theirs, 1, 30)
    assert worst_difference(ours, theirs) < 2e-6


def test_not_normalised_without_memory_is_plain_gradient_descent(foreach):
    ours, theirs = make_params(), make_params()
    settings = {"lr_cfg": (False, 1e-2, 0), "beta_cfg": (0.9999, 0.999, 0.0, 0.0, 0, True)}
    train(AutoSGM(ours, **settings, foreach=foreach), ours, 1, 10)
    train(torch.optim.SGD(theirs, lr=1e-2), theirs, 1, 10)
    assert worst_difference(ours, theirs) < 1e-6


def test_coupled_decay_equals_adams(foreach):
    ours, theirs = make_params(), make_params()
    train(AutoSGM(ours, lr=1e-2, wd_cfg=(0.1, 0), foreach=foreach), ours, 1, 20)
    train(torch.optim.Adam(theirs, lr=1e-2, weight_decay=0.1), theirs, 1, 20)
    assert worst_difference(ours, theirs) < 2e-6


def test_rate_of_the_tuple_is_the_groups_rate():
    optimizer = AutoSGM(make_params(), lr_cfg=(True, 0.03, 2), wd_cfg=(0.2, 1))
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["weight_decay"]) == (0.03, 0.2)


def test_shorthands_override_the_tuples_defaults():
    optimizer = AutoSGM(make_params(), lr=0.5, weight_decay=0.1)
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["weight_decay"]) == (0.5, 0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 0.5, "lr_cfg": (True, 0.1, 0)}, r"lr and lr_cfg\[1\] must agree, got 0.5 and 0.1"),
        (
            {"weight_decay": 0.5, "wd_cfg": (0.1, 0)},
            r"weight_decay and wd_cfg\[0\] must agree, got 0.5 and 0.1",
        ),
    ],
)
def test_contradicting_shorthand_is_refused_with_both_names(settings, message):
    with pytest.raises(ValueError, match=message):
        AutoSGM(make_params(), **settings)


def test_scheduler_changes_the_rate():
    params = make_params()
    optimizer = AutoSGM(params, lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.0)
    train(optimizer, params, 1, 1)
    scheduler.step()
    before = [param.detach().clone() for param in params]
    train(optimizer, params, 2, 3)
    assert worst_difference(params, before) == 0.0


@pytest.mark.parametrize("num_lrc", range(5))
def test_rate_of_zero_moves_nothing(num_lrc, foreach):
    params = make_params()
    before = [param.detach().clone() for param in params]
    train(AutoSGM(params, lr_cfg=(True, 0.0, num_lrc), foreach=foreach), params, 1, 3)
    assert worst_difference(params, before) == 0.0


def test_groups_may_have_their_own_tuples():
    tuples = {"lr_cfg": (True, 0.01, 2), "beta_cfg": (0.99, 0.9, 0.8, 0.1, 0, True), "wd_cfg": (0.1, 1)}
    together, apart = make_params(), make_params()
    joined = AutoSGM([{"params": together[:2]}, {"params": together[2:], **tuples}], lr=0.02)
    separate = [AutoSGM(apart[:2], lr=0.02), AutoSGM(apart[2:], **tuples)]
    for step in range(1, 6):
        set_gradients(together, step)
        set_gradients(apart, step)
        for optimizer in (joined, *separate):
            optimizer.step()
    assert worst_difference(together, apart) == 0.0


def test_window_scales_the_rate():
    params, reference = make_params(), make_params()
    window = (2, 0, 0.0, 1.0, 1, 1, 4, 1, 0.0)  # 1, 0.75, 0.5, 0.25, then again
    optimizer, plain = AutoSGM(params, lr=0.01, rc_cfg=window), AutoSGM(reference, lr=0.01)
    for step, factor in enumerate((1, 0.75, 0.5, 0.25, 1), start=1):
        plain.param_groups[0]["lr"] = 0.01 * factor
        train(optimizer, params, step, step)
        train(plain, reference, step, step)
    assert worst_difference(params, reference) < 1e-7


def test_numba_that_cannot_be_imported_is_done_without(monkeypatch, caplog):
    def fail(name):
        raise ImportError("Numba needs NumPy 2.3 or less")

    autosgm._loops_work.cache_clear()
    monkeypatch.setattr(autosgm.importlib, "import_module", fail)
    one, other = make_params(), make_params()
    train(AutoSGM(one, lr=0.01), one, 1, 3)
    monkeypatch.undo()
    autosgm._loops_work.cache_clear()
    train(AutoSGM(other, lr=0.01), other, 1, 3)
    assert worst_difference(one, other) < 1e-6
    assert caplog.text.count("Numba needs NumPy") == 1


@pytest.mark.parametrize("num_lrc", range(5))
def test_tensors_of_many_blocks_on_threads_equal_the_single_tensor_path(num_lrc, monkeypatch):
    step_compiled = pytest.importorskip("optim.autosgm.step_compiled")
    monkeypatch.setattr(step_compiled, "MIN_NUMEL", 0)
    one, many = ([nn.Parameter(torch.full((70, 401), 0.1 * k)) for k in (1, 2)] for _ in range(2))
    train(AutoSGM(one, lr_cfg=(True, 0.01, num_lrc), foreach=False), one, 1, 3)
    train(AutoSGM(many, lr_cfg=(True, 0.01, num_lrc)), many, 1, 3)
    assert worst_difference(one, many) < 1e-6


def test_tensors_that_are_not_contiguous_take_the_same_steps():
    one, other = make_params(), make_params()
    columns = [nn.Parameter(param.detach().t() if param.dim() == 2 else param.detach()) for param in other]
    first, second = AutoSGM(one, lr=0.01), AutoSGM(columns, lr=0.01)
    for step in range(1, 4):
        train(first, one, step, step)
        for param, reference in zip(columns, one, strict=True):
            param.grad = reference.grad.t() if param.dim() == 2 else reference.grad.clone()
        second.step()
    assert worst_difference([param.t() if param.dim() == 2 else param for param in columns], one) < 1e-6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr_cfg": (True, 0.1)}, r"lr_cfg: needs 3 entries \(aoptlr, lr_init, num_lrc\), got \(True, 0.1\)"),
        ({"lr_cfg": (True, 0.1, 5)}, "lr_cfg: num_lrc must be one of 0, 1, 2, 3, 4, got 5"),
        ({"lr_cfg": (True, -0.1, 0)}, "lr_cfg: lr_init must be a finite number >= 0, got -0.1"),
        ({"beta_cfg": (1.0, 0.9, 0.9, 0, 0, True)}, r"beta_cfg: beta_n must lie in \[0, 1\), got 1.0"),
        ({"beta_cfg": (0.9, 0.9)}, "beta_cfg: needs 6 entries"),
        ({"beta_cfg": (0.9, 0.9, 0.9, 1.0, 0, True)}, r"beta_cfg: the zero gamma_i must lie in \[0, 1\)"),
        ({"rc_cfg": (7, 0, 0, 2, 1, 1, 1000, 1, 0)}, "rc_cfg: rcm must be one of 0 to 6, got 7"),
        ({"rc_cfg": (1, 0, 0, 2, 1, 0, 1000, 1, 0)}, "rc_cfg: tau must be a whole number >= 1, got 0"),
        ({"rc_cfg": (3, 0, 0, 1, 1, 1, 1000, 1, 0)}, "rc_cfg: the order n must be above 0, and not 1 where"),
        ({"rc_cfg": (1, 0, 0, 2, 1, 1, 1000, 1, 1)}, r"rc_cfg: the flat share e must lie in \[0, 1\), got 1"),
        ({"wd_cfg": (0.1, 2)}, "wd_cfg: wd_lvl must be 0 or 1, got 2"),
        ({"eps_cfg": ()}, r"eps_cfg: needs 1 entries \(eps\)"),
        ({"lr": -1.0}, "AutoSGM: lr must be a finite number >= 0, got -1.0"),
    ],
)
def test_impossible_configuration_is_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        AutoSGM(make_params(), **settings)
