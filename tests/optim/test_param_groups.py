from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import (
    HubertConfig,
    HubertForCTC,
    Wav2Vec2BertConfig,
    Wav2Vec2BertForCTC,
    Wav2Vec2Config,
    Wav2Vec2ForCTC,
    WavLMConfig,
    WavLMForCTC,
)

from optim import FAM, get_parameter_groups, layerwise_parameter_groups
from tests.optim.optimizer_table import TinyNetwork

MODELS = {
    "Wav2Vec2": (Wav2Vec2ForCTC, Wav2Vec2Config),
    "Hubert": (HubertForCTC, HubertConfig),
    "WavLM": (WavLMForCTC, WavLMConfig),
    "Wav2Vec2Bert": (Wav2Vec2BertForCTC, Wav2Vec2BertConfig),
}


@pytest.fixture(params=MODELS)
def model(request):
    """A network of two encoder layers without memory, under an arbitrary prefix."""
    network, config = MODELS[request.param]
    with torch.device("meta"):
        inner = network(config(num_hidden_layers=2, vocab_size=20))
    outer = nn.Module()
    outer.network = inner
    return outer


def by_name(groups):
    return {name: group for group in groups for name in group["names"]}


@pytest.mark.parametrize("make_groups", [get_parameter_groups, layerwise_parameter_groups])
def test_each_trainable_parameter_is_in_exactly_one_group(make_groups, model):
    frozen = next(iter(model.parameters()))
    frozen.requires_grad_(False)
    grouped = [param for group in make_groups(model, 1e-3, 0.1) for param in group["params"]]
    expected = [param for param in model.parameters() if param.requires_grad]
    assert len(grouped) == len(expected)
    assert {id(param) for param in grouped} == {id(param) for param in expected}


@pytest.mark.parametrize(
    ("name", "handler", "n_bands", "alpha", "lr", "weight_decay"),
    [
        ("feature_extractor.conv_layers.0.layer_norm.weight", "conv", 10, 0.9, 1.0, 0.1),
        ("encoder.layers.0.attention.k_proj.weight", "attention", 12, 0.92, 1.0, 0.1),
        ("decoder.self_attn.out_proj.bias", "attention", 12, 0.92, 1.0, 0.1),
        ("embed_tokens.weight", "embedding", 8, 0.95, 0.8, 0.15),
        ("encoder.layers.0.final_layer_norm.weight", "default", 4, 0.9, 1.0, 0.0),
        ("encoder.layers.0.feed_forward.output_dense.weight", "default", 8, 0.9, 1.0, 0.1),
        ("lm_head.bias", "default", 8, 0.9, 1.0, 0.1),
    ],
)
def test_name_decides_kind(name, handler, n_bands, alpha, lr, weight_decay):
    module = nn.Module()
    for part in reversed(name.split(".")[:-1]):
        outer = nn.Module()
        if name.endswith(f"{part}.{name.split('.')[-1]}") and not list(module.children()):
            module.register_parameter(name.split(".")[-1], nn.Parameter(torch.zeros(3)))
        outer.add_module(part, module)
        module = outer
    (group,) = get_parameter_groups(module, 1.0, 0.1)
    assert group["names"] == [name]
    assert (group["handler"], group["n_bands"], group["alpha"]) == (handler, n_bands, alpha)
    assert (group["lr"], group["weight_decay"]) == pytest.approx((lr, weight_decay))


def test_shared_parameter_is_grouped_once():
    model = TinyNetwork()
    model.second_head = model.lm_head
    grouped = [param for group in get_parameter_groups(model, 1e-3) for param in group["params"]]
    assert sum(param is model.lm_head.weight for param in grouped) == 1


def test_rates_fall_with_depth(model):
    groups = by_name(layerwise_parameter_groups(model, lr=1.0, weight_decay=0.1, decay=0.5))
    layers = ["network." + group for group in ("lm_head.weight",)]
    assert groups[layers[0]]["lr"] == 1.0
    for name, group in groups.items():
        if "encoder.layers.1." in name:
            assert group["lr"] == 0.5
        elif "encoder.layers.0." in name:
            assert group["lr"] == 0.25
        elif "feature_" in name or "pos_conv_embed" in name or "masked_spec_embed" in name:
            assert group["lr"] == 0.125


def test_norms_and_biases_have_no_weight_decay(model):
    for name, group in by_name(layerwise_parameter_groups(model, lr=1.0, weight_decay=0.1)).items():
        if name.endswith("bias") or "norm" in name:
            assert group["weight_decay"] == 0.0
        elif name.endswith(("dense.weight", "proj.weight", "lm_head.weight")):
            assert group["weight_decay"] == 0.1


def test_layer_keeps_its_rate_when_all_others_are_frozen(model):
    for name, param in model.named_parameters():
        param.requires_grad_("encoder.layers.0." in name)
    rates = {group["lr"] for group in layerwise_parameter_groups(model, lr=1.0, decay=0.5)}
    assert rates == {0.25}


def test_model_without_numbered_layers_is_refused():
    with pytest.raises(ValueError, match=r"must have parameters named '...encoder.layers.<number>...'"):
        layerwise_parameter_groups(nn.Linear(2, 2), lr=1.0)


def test_impossible_decay_is_refused():
    with pytest.raises(ValueError, match=r"decay must lie in \(0, 1\], got 1.5"):
        layerwise_parameter_groups(TinyNetwork(), lr=1.0, decay=1.5)


def test_groups_feed_any_optimizer():
    model = TinyNetwork()
    for make_groups in (get_parameter_groups, layerwise_parameter_groups):
        for optimizer in (FAM, torch.optim.AdamW):
            optimizer(make_groups(model, 1e-3, 0.1))


@pytest.mark.parametrize(("stable", "depth"), [(True, 1), (False, 3)])
def test_a_norm_before_the_layers_learns_as_what_feeds_them(stable, depth):
    model = TinyNetwork()
    model.config = SimpleNamespace(do_stable_layer_norm=stable)
    groups = by_name(layerwise_parameter_groups(model, lr=1.0, decay=0.5))
    assert groups["encoder.layer_norm.weight"]["lr"] == 0.5**depth


def test_gains_of_weight_norm_do_not_decay():
    model = TinyNetwork()
    nn.utils.parametrizations.weight_norm(model.feature_conv, dim=2)
    groups = by_name(layerwise_parameter_groups(model, lr=1.0, weight_decay=0.1))
    assert groups["feature_conv.parametrizations.weight.original0"]["weight_decay"] == 0.0
    assert groups["feature_conv.parametrizations.weight.original1"]["weight_decay"] == 0.1
