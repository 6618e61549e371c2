"""Masks that a processor draws quickly are dropout's masks."""

import math

import pytest
import torch
from torch import nn

from models.network import attention
from models.network import quick_dropout as module
from models.network.attention import attend_with_dropout
from models.network.quick_dropout import QuickDropout, draws_quickly, quick_dropout, quicken_dropout


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_the_share_and_the_mean_are_dropouts(share):
    torch.manual_seed(0)
    count = 400_003  # no multiple of what one draw decides over
    dropped = quick_dropout(torch.ones(count), share)
    kept = dropped != 0
    spread = math.sqrt(share * (1 - share) / count)
    assert 1 - kept.float().mean() == pytest.approx(share, abs=5 * spread + 2**-16)
    assert dropped[kept].unique().tolist() == pytest.approx([1 / (1 - share)], rel=1e-3)
    assert dropped.mean() == pytest.approx(1.0, abs=5 * spread / (1 - share))


def test_neighbours_and_calls_are_independent():
    torch.manual_seed(1)
    first, second = (quick_dropout(torch.ones(200_000), 0.5) == 0 for _ in range(2))
    for distance in (1, 2, 3, 4, 8):  # four neighbours come of one draw
        assert (first[distance:] == first[:-distance]).float().mean() == pytest.approx(0.5, abs=0.006)
    assert (first == second).float().mean() == pytest.approx(0.5, abs=0.006)


def test_what_seeds_torch_seeds_it():
    torch.manual_seed(2)
    first = quick_dropout(torch.ones(1000), 0.3)
    torch.manual_seed(2)
    assert torch.equal(quick_dropout(torch.ones(1000), 0.3), first)
    state = torch.get_rng_state()
    second = quick_dropout(torch.ones(1000), 0.3)
    torch.set_rng_state(state)  # as gradient checkpointing does
    assert torch.equal(quick_dropout(torch.ones(1000), 0.3), second)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_gradients_go_where_values_go(dtype):
    values = torch.randn(6, 7, dtype=dtype, requires_grad=True)
    dropped = quick_dropout(values, 0.4)
    assert dropped.dtype == dtype
    dropped.sum().backward()
    assert torch.equal(values.grad != 0, dropped != 0)
    torch.testing.assert_close(values.grad * values, dropped)


def test_the_ends():
    values = torch.randn(5, requires_grad=True)
    assert quick_dropout(values, 0.0) is values
    assert quick_dropout(values, 1e-9) is values
    everything = quick_dropout(values, 1.0)
    everything.sum().backward()
    assert everything.tolist() == values.grad.tolist() == [0.0] * 5
    assert quick_dropout(torch.zeros(0, 3), 0.5).shape == (0, 3)


def test_evaluation_and_other_devices_take_torchs_own(monkeypatch):
    layer = QuickDropout(0.5)
    values = torch.ones(1000)
    assert layer.eval()(values) is values
    layer.train()
    monkeypatch.setattr(module, "draws_quickly", lambda tensor: False)
    torch.manual_seed(3)
    expected = nn.functional.dropout(values, 0.5)
    torch.manual_seed(3)
    assert torch.equal(layer(values), expected)
    assert not draws_quickly(torch.empty(1, device="meta"))


def test_every_dropout_of_a_network_is_replaced_and_nothing_else(recognizer):
    network = recognizer("Wav2Vec2").network
    kinds = [type(part) for part in network.modules()]
    assert nn.Dropout not in kinds
    assert QuickDropout in kinds
    plain = nn.Sequential(nn.Dropout(0.2), nn.Dropout1d(0.2), nn.Sequential(nn.Dropout(0.3).eval()))
    quicken_dropout(plain)
    assert [type(part).__name__ for part in plain] == ["QuickDropout", "Dropout1d", "Sequential"]
    assert (plain[0].p, plain[0].training) == (0.2, True)
    assert (plain[2][0].p, plain[2][0].training) == (0.3, False)
    assert not list(plain.state_dict())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_half_numbers_go_torchs_way(recognizer, batch, monkeypatch, dtype):
    """It multiplies them as whole ones within attention."""
    taken = []
    own = attention.attend_with_dropout
    monkeypatch.setattr(attention, "attend_with_dropout", lambda *a: taken.append(a[0].dtype) or own(*a))
    model = recognizer().train()
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        model(batch.waveforms, batch.waveform_lengths)
    assert set(taken) == ({torch.float32} if dtype == torch.float32 else set())


@pytest.mark.parametrize("family", ["Wav2Vec2", "Hubert", "WavLM", "Wav2Vec2Bert"])
def test_activations_computed_again_lose_the_same(recognizer, batch, family):
    found = []
    for switch in (False, True):
        model = recognizer(family, {"layerdrop": 0.0}, gradient_checkpointing=switch).train()
        model.on_train_batch_start(batch, 0)
        model.log = lambda *_, **__: None
        model.training_step(batch, 0).backward()
        found.append({name: value.grad for name, value in model.named_parameters() if value.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        assert torch.equal(gradient, found[1][name]), name


@pytest.fixture
def heads():
    generator = torch.Generator().manual_seed(4)
    return [torch.randn(3, 2, 9, 8, generator=generator, requires_grad=True) for _ in range(3)]


@pytest.mark.parametrize("kind", ["none", "lengths", "places", "added"])
def test_attention_without_losses_is_torchs(heads, monkeypatch, kind):
    monkeypatch.setattr("models.network.attention.quick_dropout", lambda weights, share: weights)
    seen = torch.arange(9) < torch.tensor([9, 4, 6])[:, None]
    masks = {
        "none": None,
        "lengths": seen[:, None, None],
        "places": seen[:, None, None].expand(3, 1, 9, 9),
        "added": torch.zeros(3, 1, 1, 9).masked_fill(~seen[:, None, None], -1e4),
    }
    mask = masks[kind]
    expected = nn.functional.scaled_dot_product_attention(*heads, attn_mask=mask, scale=0.3).transpose(1, 2)
    weight = torch.randn(expected.shape)
    wanted = torch.autograd.grad((expected * weight).sum(), heads)
    found = attend_with_dropout(*heads, mask, 0.1, 0.3)
    torch.testing.assert_close(found, expected)
    for one, other in zip(torch.autograd.grad((found * weight).sum(), heads), wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_attention_loses_its_share_of_weights(heads):
    query, key, _ = heads
    value = torch.eye(9).expand(3, 2, 9, 9)  # then what comes out are the weights
    torch.manual_seed(5)
    with torch.no_grad():
        weights = torch.cat([attend_with_dropout(query, key, value, None, 0.2, 0.3) for _ in range(200)])
    assert (weights == 0).float().mean() == pytest.approx(0.2, abs=0.01)
    assert weights.sum(dim=-1).mean() == pytest.approx(1.0, abs=0.01)


def test_a_query_that_may_look_at_nothing_stays_a_number(heads):
    nothing = torch.zeros(3, 1, 1, 9, dtype=torch.bool)
    assert torch.isfinite(attend_with_dropout(*heads, nothing, 0.1, 0.3)).all()
