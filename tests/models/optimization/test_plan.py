"""Optimizers and schedulers by name and by class, and the keys they take."""

from types import SimpleNamespace

import pytest
import torch
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau, StepLR

from models.optimization.plan import Grouping, OptimizationPlan
from tests.optim.optimizer_table import TinyNetwork

TRAINER = SimpleNamespace(
    check_val_every_n_epoch=3, estimated_stepping_batches=120, max_epochs=6, default_root_dir="."
)


class OneWeight(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))


def plan(
    optimizer="AdamW", optimizer_keys=None, scheduler=None, scheduler_keys=None, monitor=None, params=None
):
    return OptimizationPlan(optimizer, optimizer_keys or {}, scheduler, scheduler_keys or {}, monitor, params)


def test_an_optimizer_alone_is_just_that():
    built = plan("SGD", {"lr": 0.5, "momentum": 0.9, "weight_decay": None}).build(OneWeight(), TRAINER)
    assert isinstance(built, torch.optim.SGD)
    assert built.defaults["momentum"] == 0.9
    assert built.defaults["lr"] == 0.5


@pytest.mark.parametrize("name", ["AdamW", "SGD", "FAM", "AutoSGM", "SimpleFAM"])
def test_every_name_takes_a_rate_and_steps(name):
    model = OneWeight()
    optimizer = plan(name, {"lr": 0.1}).build(model, TRAINER)
    assert optimizer.param_groups[0]["lr"] == 0.1
    model.weight.grad = torch.ones(3)
    optimizer.step()
    assert (model.weight < 0).all()


@pytest.mark.parametrize(
    ("name", "own", "key"),
    [
        ("AdamW", {"betas": [0.9, 0.98]}, "betas"),
        ("SGD", {"nesterov": True, "dampening": 0.0}, "nesterov"),
        ("FAM", {"alpha": 0.8, "n_bands": 6}, "n_bands"),
        ("FAMOptimizer", {"layer_boost": True}, "layer_boost"),
        ("AutoSGM", {"beta_cfg": [0.99, 0.98, 0.8, 0.0, 0.0, True]}, "beta_cfg"),
        ("SimpleFAM", {"alpha": 0.8}, "alpha"),
    ],
)
def test_an_optimizer_by_name_takes_its_own_parameters(name, own, key):
    flat = {"lr": 0.1, "momentum": 0.9 if name == "SGD" else None}
    group = plan(name, flat, params=own).build(OneWeight(), TRAINER).param_groups[0]
    assert list(group[key]) == list(own[key]) if isinstance(own[key], list) else group[key] == own[key]


@pytest.mark.parametrize(
    ("name", "own", "message"),
    [
        ("FAM", {"n_band": 6}, r"FAM has no parameter n_band \(did you mean n_bands\?\)"),
        ("FAM", {"alpha": 1.5}, r"alpha must lie in \[0, 1\)"),
        ("AutoSGM", {"lr_cfg": [True, 0.1]}, '"lr_cfg".*3 elements'),
        ("AdamW", {"lr": 0.1}, "write lr as model.lr, not inside optimizer_params"),
        ("FAM", {"n_bands": 8.5}, "n_bands"),
        ("FAM", {"debug": "maybe"}, "debug"),
        ("AutoSGM", {"lr_cfg": 0.1}, "lr_cfg"),
        (torch.optim.Adam, {"betas": [0.9, 0.9]}, "optimizer_params apply only where the optimizer"),
    ],
)
def test_own_parameters_are_checked_by_name(name, own, message):
    with pytest.raises(ValueError, match=message):
        plan(name, params=own)


def test_a_debug_record_lies_in_the_runs_folder(tmp_path):
    trainer = SimpleNamespace(**{**vars(TRAINER), "default_root_dir": str(tmp_path)})
    model = torch.nn.Linear(40, 40)
    own = {"debug": True, "fam_start_step": 0, "debug_interval": 10}
    optimizer = plan("FAM", {"lr": 0.1}, params=own).build(model, trainer)
    model.weight.grad = torch.ones(40, 40)
    for _ in range(10):
        optimizer.step()
    assert '"name": "weight"' in (tmp_path / "fam_debug" / "fam_debug.jsonl").read_text()


def test_step_lr_counts_epochs():
    built = plan(
        optimizer_keys={"lr": 1.0}, scheduler="StepLR", scheduler_keys={"step_size": 2, "gamma": 0.5}
    )
    made = built.build(OneWeight(), TRAINER)["lr_scheduler"]
    assert isinstance(made["scheduler"], StepLR)
    assert made["interval"] == "epoch"
    assert made["scheduler"].gamma == 0.5


def test_a_plateau_is_looked_for_when_there_is_a_new_figure():
    built = plan(
        scheduler="ReduceLROnPlateau", scheduler_keys={"metric_patience": 1, "gamma": 0.2}, monitor="val_per"
    )
    made = built.build(OneWeight(), TRAINER)["lr_scheduler"]
    assert isinstance(made["scheduler"], ReduceLROnPlateau)
    assert made["scheduler"].factor == 0.2
    assert (made["monitor"], made["frequency"]) == ("val_per", 3)


def test_one_cycle_by_class_counts_steps():
    built = plan(scheduler=lambda optimizer: OneCycleLR(optimizer, max_lr=0.1, total_steps=10))
    assert built.build(OneWeight(), TRAINER)["lr_scheduler"]["interval"] == "step"


@pytest.mark.parametrize(
    ("name", "keys", "length"),
    [("FAMScheduler", {"warmup_steps": 10}, 120), ("FAMEpochScheduler", {"warmup_epochs": 2}, 6)],
)
def test_a_schedule_without_length_takes_the_runs(name, keys, length):
    made = plan(scheduler=name, scheduler_keys=keys).build(OneWeight(), TRAINER)["lr_scheduler"]
    assert made["interval"] == ("step" if name == "FAMScheduler" else "epoch")
    assert length in vars(made["scheduler"]).values()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"optimizer_keys": {"momentum": 0.9}}, "momentum"),
        ({"scheduler": "StepLR"}, "step_size"),
        ({"scheduler": "StepLR", "scheduler_keys": {"step_size": 1, "min_lr": 0.1}}, "min_lr"),
        ({"scheduler_keys": {"gamma": 0.1}}, "gamma"),
        ({"monitor": "val_per"}, "metric_scheduler"),
        ({"optimizer": torch.optim.Adam, "optimizer_keys": {"lr": 0.1}}, "lr"),
    ],
)
def test_a_key_nobody_uses_or_one_that_is_missing_is_refused(arguments, named):
    with pytest.raises(ValueError, match=named):
        plan(**arguments)


@pytest.mark.parametrize(
    ("name", "keys"), [("FAMScheduler2", {"warmup_steps": 10}), ("FAMEpochScheduler", {"warmup_epochs": 2})]
)
def test_a_run_without_end_needs_a_length(name, keys):
    endless = SimpleNamespace(
        **{**vars(TRAINER), "estimated_stepping_batches": float("inf"), "max_epochs": -1}
    )
    with pytest.raises(ValueError, match="this run has no end"):
        plan(scheduler=name, scheduler_keys=keys).build(OneWeight(), endless)


def test_the_decays_start_is_a_key_of_fam_scheduler():
    keys = {"warmup_steps": 10, "decay_start_step": 20}
    made = plan(scheduler="FAMScheduler", scheduler_keys=keys).build(OneWeight(), TRAINER)["lr_scheduler"]
    assert made["scheduler"].decay_start_step == 20


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
