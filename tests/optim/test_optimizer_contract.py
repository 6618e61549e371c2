"""What every optimizer here must be as a torch optimizer."""

import io
import pickle
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.optim.optimizer_table import OPTIMIZERS, make_params, set_gradients, train

ROOT = Path(__file__).resolve().parents[2]
DTYPES = [torch.float32, torch.float64, torch.bfloat16]


def assert_equal(left, right, **tolerance):
    tolerance = tolerance or {"rtol": 0, "atol": 0}
    for a, b in zip(left, right, strict=True):
        torch.testing.assert_close(a.detach(), b.detach(), **tolerance)


def saved_and_loaded(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def test_multi_tensor_path_equals_single_tensor_path(build, loops):
    many, one = make_params(), make_params()
    train(build(many, foreach=True), many, 1, 12)
    train(build(one, foreach=False), one, 1, 12)
    assert_equal(many, one, rtol=0, atol=1e-6)


def test_paths_share_their_state(build, loops):
    changing, constant = make_params(), make_params()
    first = build(changing, foreach=True)
    train(first, changing, 1, 5)
    second = build(changing, foreach=False)
    second.load_state_dict(first.state_dict())
    for group in second.param_groups:
        group["foreach"] = False
    train(second, changing, 6, 10)
    train(build(constant), constant, 1, 10)
    assert_equal(changing, constant, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_reloaded_state_continues_bit_for_bit(build, foreach, dtype):
    params = make_params(dtype)
    optimizer = build(params, foreach=foreach)
    train(optimizer, params, 1, 4)
    copies = [nn.Parameter(param.detach().clone()) for param in params]
    resumed = build(copies, foreach=foreach)
    resumed.load_state_dict(saved_and_loaded(optimizer.state_dict()))
    train(optimizer, params, 5, 9)
    train(resumed, copies, 5, 9)
    assert_equal(params, copies)


def test_pickled_optimizer_continues_bit_for_bit(build):
    params = make_params()
    optimizer = build(params)
    train(optimizer, params, 1, 3)
    twin = pickle.loads(pickle.dumps(optimizer))
    copies = twin.param_groups[0]["params"]
    train(optimizer, params, 4, 6)
    train(twin, copies, 4, 6)
    assert_equal(params, copies)


def test_closure_runs_with_gradients_and_its_loss_returns(build):
    params = make_params()
    optimizer = build(params)

    def closure():
        optimizer.zero_grad()
        loss = sum(param.square().sum() for param in params)
        loss.backward()
        return loss

    first, second = optimizer.step(closure), optimizer.step(closure)
    assert second < first


def test_parameter_without_gradient_is_skipped(build):
    params = make_params()
    before = params[1].detach().clone()
    optimizer = build(params)
    set_gradients(params, 1)
    params[1].grad = None
    optimizer.step()
    assert torch.equal(params[1], before)
    assert params[1] not in optimizer.state
    assert optimizer.zero_grad() is None


def test_parameters_count_their_own_steps(build, foreach):
    skipping, straight = make_params(), make_params()
    optimizer = build(skipping, foreach=foreach)
    set_gradients(skipping, 99)
    skipping[0].grad = None  # its first gradient comes one step later than the others'
    optimizer.step()
    train(optimizer, skipping, 1, 5)
    train(build(straight, foreach=foreach), straight, 1, 5)
    assert_equal(skipping[:1], straight[:1], rtol=0, atol=1e-7)


def test_sparse_gradient_is_refused_by_name(build):
    param = nn.Parameter(torch.zeros(10, 3))
    optimizer = build([param])
    param.grad = torch.eye(10)[:, :3].to_sparse()
    with pytest.raises(
        ValueError, match=r"gradients must be dense, got layout torch.sparse_coo.*sparse=False"
    ):
        optimizer.step()


def test_complex_parameter_is_refused_by_name(build):
    with pytest.raises(ValueError, match=r"parameters must be real, got one of dtype torch.complex64"):
        build([nn.Parameter(torch.zeros(3, dtype=torch.complex64))])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64], ids=str)
def test_other_precisions_follow_float32(build, foreach, dtype):
    params, reference = make_params(dtype), make_params()
    train(build(params, foreach=foreach), params, 1, 5)
    train(build(reference, foreach=foreach), reference, 1, 5)
    tolerance = 1e-6 if dtype is torch.float64 else 0.03
    assert all(param.dtype is dtype for param in params)
    assert_equal([param.float() for param in params], reference, rtol=0, atol=tolerance)


def test_maximize_descends_the_negated_gradient(build, foreach):
    up, down = make_params(), make_params()
    ascending, descending = build(up, foreach=foreach, maximize=True), build(down, foreach=foreach)
    for step in range(1, 6):
        set_gradients(up, step)
        set_gradients(down, step)
        for param in down:
            param.grad.neg_()
        ascending.step()
        descending.step()
    assert_equal(up, down, rtol=0, atol=1e-6)


def test_groups_keep_their_own_rate(build):
    params = make_params()
    before = [param.detach().clone() for param in params]
    optimizer = build([{"params": params[:2]}, {"params": params[2:], "lr": 0.0}])
    train(optimizer, params, 1, 3)
    assert not torch.equal(params[0], before[0])
    assert_equal(params[2:], before[2:])


def test_empty_parameter_is_no_trouble(build, foreach):
    params = [nn.Parameter(torch.zeros(0, 4)), nn.Parameter(torch.ones(300))]
    optimizer = build(params, foreach=foreach)
    train(optimizer, params, 1, 3)
    assert torch.isfinite(params[1]).all()


def test_strided_parameters_equal_contiguous_ones(build):
    strided = [
        nn.Parameter(param.detach().t().contiguous().t()) for param in make_params() if param.dim() == 2
    ]
    contiguous = [nn.Parameter(param.detach().clone().contiguous()) for param in strided]
    train(build(strided), strided, 1, 5)
    train(build(contiguous), contiguous, 1, 5)
    assert not strided[0].is_contiguous()
    assert_equal(strided, contiguous, rtol=0, atol=1e-6)


def test_gradients_are_left_as_they_were(build, foreach):
    params = make_params()
    optimizer = build(params, foreach=foreach)
    for step in (1, 2, 3):
        set_gradients(params, step)
        before = [param.grad.clone() for param in params]
        optimizer.step()
        assert_equal([param.grad for param in params], before)


def test_global_random_states_are_neither_read_nor_moved(build):
    ends = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
        params = [nn.Parameter(torch.full((150, 120), 0.1))]  # large enough to be sampled
        train(build(params), params, 1, 4)
        assert torch.equal(torch.get_rng_state(), states[0])
        assert random.getstate() == states[1]
        assert np.random.get_state()[1].tolist() == states[2]
        ends.append(params)
    assert_equal(*ends)


def scaled_training(build, scale, device):
    params = make_params(device=device)
    optimizer = build(params)
    scaler = torch.amp.GradScaler(device, init_scale=scale, enabled=scale != 1)
    for step in range(1, 6):
        optimizer.zero_grad()
        generator = torch.Generator().manual_seed(step)
        noise = [torch.randn(param.shape, generator=generator).to(device) for param in params]
        loss = sum((param * push).sum() for param, push in zip(params, noise, strict=True))
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    return params


def test_gradient_scaling_changes_nothing(build):
    assert_equal(
        scaled_training(build, 1.0, "cpu"), scaled_training(build, 2.0**10, "cpu"), rtol=0, atol=1e-6
    )


def test_overflowing_step_is_left_out(build):
    params = make_params()
    optimizer = build(params)
    before = [param.detach().clone() for param in params]
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(sum(param.sum() for param in params)).backward()
    params[0].grad.fill_(float("inf"))
    scaler.step(optimizer)
    assert_equal(params, before)


def test_optimizer_lowers_a_quadratic_loss(build):
    params = make_params()
    optimizer = build(params)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = sum(param.square().sum() for param in params)
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    assert losses[-1] < losses[0]


STATE_BYTES = {"FAM": 4, "SimpleFAM": 4, "AutoSGM-0": 8, "AutoSGM-1": 16, "AutoSGM-2": 20, "AutoSGM-3": 12}


@pytest.mark.parametrize(("name", "limit"), [*STATE_BYTES.items(), ("AutoSGM-4", 8)])
def test_state_is_no_larger_than_needed(name, limit):
    params = [nn.Parameter(torch.ones(500, 400))]
    optimizer = OPTIMIZERS[name](params)
    train(optimizer, params, 1, 3)
    size = sum(
        value.nbytes for value in optimizer.state[params[0]].values() if isinstance(value, torch.Tensor)
    )
    assert size / params[0].numel() <= limit + 0.01


def test_no_allocation_grows_with_the_step(build):
    params = make_params()
    optimizer = build(params)
    train(optimizer, params, 1, 3)
    early = {key: getattr(value, "shape", None) for key, value in optimizer.state[params[0]].items()}
    train(optimizer, params, 4, 20)
    late = {key: getattr(value, "shape", None) for key, value in optimizer.state[params[0]].items()}
    assert early == late


COMPILED = ["FAM", "SimpleFAM", "AutoSGM-0", "AutoSGM-2"]


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.filterwarnings("ignore")
def test_compiled_step_equals_eager_step_at_changing_rates(name, loops):
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()  # other tests compile, too
    eager, compiled = make_params()[:2], make_params()[:2]
    optimizers = OPTIMIZERS[name](compiled), OPTIMIZERS[name](eager)
    steps = torch.compile(optimizers[0].step, backend="aot_eager"), optimizers[1].step
    for step in range(1, 13):
        for optimizer, take_step, params in zip(optimizers, steps, (compiled, eager), strict=True):
            optimizer.param_groups[0]["lr"] = 0.02 / step
            set_gradients(params, step)
            take_step()
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 2  # torch's own number for Adam
    assert_equal(eager, compiled, rtol=0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_step_inside_a_function_that_inductor_compiles_in_a_fresh_process():
    script = """
import torch
from optim import FAM, AutoSGM
for make in (FAM, AutoSGM):
    eager, compiled = (torch.nn.Linear(30, 20) for _ in range(2))
    compiled.load_state_dict(eager.state_dict())
    optimizers = [make(model.parameters(), lr=0.1) for model in (compiled, eager)]
    def train(model, optimizer, sound):
        model(sound).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    steps = torch.compile(train), train
    for step in range(3):
        for take_step, model, optimizer in zip(steps, (compiled, eager), optimizers):
            take_step(model, optimizer, torch.ones(2, 30))
    torch.testing.assert_close(eager.weight, compiled.weight, rtol=0, atol=1e-6)
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=300)


def test_backward_after_a_step_between_is_refused(foreach, build):
    weight = nn.Parameter(torch.ones(3))
    optimizer = build([weight], foreach=foreach)
    loss = (weight**2).sum()
    weight.grad = torch.ones(3)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device at hand"),
]


class TestOnGpu:
    pytestmark = gpu

    def test_step_never_waits_for_the_device(self, build, foreach):
        params = make_params(device="cuda")
        optimizer = build(params, foreach=foreach)
        train(optimizer, params, 1, 3)
        set_gradients(params, 4)
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(3):
                optimizer.step()
        finally:
            torch.cuda.set_sync_debug_mode("default")

    def test_device_equals_host(self, build, foreach):
        host, device = make_params(), make_params(device="cuda")
        train(build(host, foreach=foreach), host, 1, 10)
        train(build(device, foreach=foreach), device, 1, 10)
        assert_equal(host, [param.cpu() for param in device], rtol=0, atol=1e-5)

    def test_gradient_scaling_changes_nothing(self, build):
        plain, scaled = scaled_training(build, 1.0, "cuda"), scaled_training(build, 2.0**10, "cuda")
        assert_equal(plain, scaled, rtol=0, atol=1e-5)
