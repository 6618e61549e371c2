"""The optimizers as YAML builds them: arguments validated by name and type."""

from collections.abc import Callable, Iterable

import pytest
import yaml
from jsonargparse import ArgumentParser
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

import optim
from tests.optim.optimizer_table import make_params

OPTIMIZERS = [
    {"class_path": "optim.FAM", "init_args": {"lr": 0.1, "layer_boost": False, "n_bands": 4}},
    {"class_path": "optim.FAMOptimizer", "init_args": {"lr": 0.1}},
    {"class_path": "optim.SimpleFAM", "init_args": {"lr": 0.1}},
    {
        "class_path": "optim.AutoSGM",
        "init_args": {
            "lr_cfg": [True, 0.1, 3],
            "beta_cfg": [0.999, 0.99, 0.9, 0.5, 0, True],
            "rc_cfg": [1, 0, 0, 2, 1, 1, 40, 1, 0],
            "wd_cfg": [0.01, 1],
            "eps_cfg": [1e-10],
        },
    },
    {"class_path": "optim.AutoSGM", "init_args": {"lr": 0.1, "weight_decay": 0.01}},
]


def parser_for(kind):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--part", type=kind)
    return parser


OPTIMIZER = Callable[[Iterable[Tensor]], Optimizer]
SCHEDULER = Callable[[Optimizer], LRScheduler]


@pytest.mark.parametrize("config", OPTIMIZERS, ids=lambda config: config["class_path"])
def test_optimizer_is_built_from_yaml(config):
    parser = parser_for(OPTIMIZER)
    parsed = parser.parse_string(yaml.safe_dump({"part": config}))
    built = parser.instantiate_classes(parsed).part(make_params())
    assert type(built) is getattr(optim, config["class_path"].removeprefix("optim."))
    assert built.param_groups[0]["lr"] == 0.1
    built.step()


@pytest.mark.parametrize(
    ("class_path", "arguments"),
    [
        ("optim.FAMScheduler", {"warmup_steps": 2, "total_steps": 10}),
        ("optim.FAMScheduler2", {"warmup_steps": 2, "total_steps": 10}),
        ("optim.FAMEpochScheduler", {"warmup_epochs": 1, "max_epochs": 3}),
    ],
)
def test_scheduler_is_built_from_yaml(class_path, arguments):
    parser = parser_for(SCHEDULER)
    parsed = parser.parse_string(yaml.safe_dump({"part": {"class_path": class_path, "init_args": arguments}}))
    built = parser.instantiate_classes(parsed).part(optim.FAM(make_params()))
    assert isinstance(built, optim.FAMScheduler | optim.FAMEpochScheduler)


@pytest.mark.parametrize(
    ("class_path", "arguments"),
    [
        ("optim.FAM", {"alhpa": 0.9}),
        ("optim.FAM", {"alpha": "high"}),
        ("optim.AutoSGM", {"lr_cfg": [True, 0.1]}),
        ("optim.AutoSGM", {"lr_cfg": [True, 0.1, 9]}),
        ("optim.AutoSGM", {"wd_cfg": ["much", 1]}),
    ],
)
def test_mistake_is_refused_when_the_configuration_is_read(class_path, arguments):
    parser = parser_for(OPTIMIZER)
    with pytest.raises(Exception, match=next(iter(arguments))):
        parser.parse_string(yaml.safe_dump({"part": {"class_path": class_path, "init_args": arguments}}))
