"""Constraints over a configuration."""

import pytest

from experiment.errors import ConfigError
from tuning.space.constraints import Constraint

CONFIG = {"model": {"lr": 0.1, "name": "SGD"}, "data": {"a": [{"low": 2, "high": 3}], "flag": True}}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("data.a[0].low < data.a[0].high", True),
        ("data.a[0].low > data.a[0].high", False),
        ("0 < model.lr < 0.05", False),
        ("0 < model.lr <= 0.1", True),
        ("a[0].low * 2 >= a[0].high + 1", True),
        ("model.lr == -0.1", False),
        ("model.name == 'SGD' and data.flag == true", True),
        ("model.name != 'SGD' or data.a[0].high - data.a[0].low == 1", True),
        ("lr / 2 < 0.06", True),
    ],
)
def test_constraints_are_judged(text, holds):
    assert Constraint.of(text, CONFIG).holds(CONFIG) is holds


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("model.lr <", "invalid syntax"),
        ("model.lr", "compares nothing"),
        ("model.lrr < 1", "nearest: model.lr"),
        ("__import__('os').system('x') == 0", "none of these"),
        ("model.lr < len(data.a)", "none of these"),
        ("data.a[model.lr] < 1", "no path"),
        ("data.a[0].low in [1, 2]", "none of these"),
    ],
)
def test_what_is_no_constraint_is_refused(text, named):
    with pytest.raises(ConfigError, match="optuna.constraints") as refusal:
        Constraint.of(text, CONFIG)
    assert named in str(refusal.value)


def test_a_path_that_only_some_trials_have_constrains_only_these():
    constraint = Constraint.of("model.momentum < 0.5", CONFIG, [("model", "momentum")])
    assert constraint.holds(CONFIG)
    assert not constraint.holds({"model": {"momentum": 0.9}})


def test_values_that_cannot_be_compared_are_told():
    with pytest.raises(ConfigError, match="cannot be compared"):
        Constraint.of("model.name < 1", CONFIG).holds(CONFIG)


def test_a_division_by_zero_meets_nothing():
    config = {"model": {"lr": 0.1, "min_lr": 0}}
    assert not Constraint.of("model.lr / model.min_lr > 2", config).holds(config)
