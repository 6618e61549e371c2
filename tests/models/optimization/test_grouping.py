"""Rate and decay by kind of layer or by depth, around any optimizer."""

import pytest
import torch

from models.optimization.grouping import Grouping
from models.optimization.plan import OptimizationPlan
from tests.models.optimization.test_plan import TRAINER
from tests.optim.optimizer_table import TinyNetwork


def groups_of(optimizer, grouping, keys=None, model=None):
    plan = OptimizationPlan(optimizer, keys or {}, None, {}, None, grouping=grouping)
    return plan.build(model or TinyNetwork(), TRAINER).param_groups


def group_with(groups, name):
    (found,) = [group for group in groups if name in group["names"]]
    return found


@pytest.mark.parametrize("grouping", [Grouping(), Grouping("fam"), Grouping("layerwise")])
@pytest.mark.parametrize("name", ["AdamW", "SGD", "FAM", "AutoSGM", "SimpleFAM"])
def test_every_trainable_parameter_is_in_one_group_of_every_optimizer(name, grouping):
    model = TinyNetwork()
    model.feature_conv.requires_grad_(False)
    groups = groups_of(name, grouping, {"lr": 0.1}, model)
    members = [param for group in groups for param in group["params"]]
    trainable = {id(param) for param in model.parameters() if param.requires_grad}
    assert {id(param) for param in members} == trainable
    assert len(members) == len(trainable)


def test_rates_fall_with_depth_and_norms_do_not_decay():
    grouping = Grouping("layerwise", layer_decay=0.5)
    groups = groups_of("AdamW", grouping, {"lr": 0.8, "weight_decay": 0.1})
    assert group_with(groups, "lm_head.weight")["lr"] == 0.8
    assert group_with(groups, "encoder.layers.1.attention.weight")["lr"] == 0.4
    assert group_with(groups, "encoder.layers.0.attention.weight")["lr"] == 0.2
    assert group_with(groups, "feature_conv.weight")["lr"] == 0.1
    assert group_with(groups, "encoder.layers.0.attention.weight")["weight_decay"] == 0.1
    assert group_with(groups, "encoder.layers.0.attention.bias")["weight_decay"] == 0.0
    assert group_with(groups, "encoder.layer_norm.weight")["weight_decay"] == 0.0


def test_groups_stand_around_the_rate_of_an_optimizer_by_class():
    groups = groups_of(
        lambda params: torch.optim.Adam(params, lr=0.3), Grouping("layerwise", layer_decay=0.5)
    )
    assert group_with(groups, "lm_head.weight")["lr"] == 0.3
    assert group_with(groups, "encoder.layers.1.attention.weight")["lr"] == 0.15


def test_kinds_of_layer_set_fams_handlers_and_leave_others_alone():
    fam = groups_of("FAM", Grouping("fam"), {"lr": 0.1})
    assert group_with(fam, "encoder.layers.0.attention.weight")["handler"] == "attention"
    assert group_with(fam, "feature_conv.weight")["n_bands"] == 10
    rmsprop = groups_of(lambda params: torch.optim.RMSprop(params, lr=0.1, alpha=0.5), Grouping("fam"))
    assert {group["alpha"] for group in rmsprop} == {0.5}
    assert not any("handler" in group for group in rmsprop)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer_decay": 0.9}, "layer_decay belongs to param_groups: layerwise"),
        ({"name": "fam", "layer_decay": 0.9}, "layer_decay belongs to param_groups: layerwise"),
        ({"name": "layerwise", "layer_decay": 1.5}, r"layer_decay must lie in \(0, 1\], got 1.5"),
    ],
)
def test_a_decay_without_layers_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Grouping(**arguments)
