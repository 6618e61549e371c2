"""Components are built from the inside out; a fault names the place of its component."""

import pytest

from cli.configuration.component_builder import build_component, component_nodes
from experiment.errors import ConfigError

PRUNER = {
    "class_path": "optuna.pruners.PatientPruner",
    "init_args": {"wrapped_pruner": {"class_path": "optuna.pruners.NopPruner"}, "patience": 1},
}


def accept(*_):
    """Refuse nothing."""


def test_inner_components_come_first():
    assert [place for place, _ in component_nodes([PRUNER], "x")] == ["x[0].init_args.wrapped_pruner", "x[0]"]


@pytest.mark.filterwarnings("ignore")
def test_inner_components_are_checked_and_built():
    seen = []
    built = build_component("x", PRUNER, lambda place, component, _: seen.append((place, component.__name__)))
    assert type(built._wrapped_pruner).__name__ == "NopPruner"
    assert seen == [("x.init_args.wrapped_pruner", "NopPruner"), ("x", "PatientPruner")]


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"class_path": "optuna.pruners.NopPrune"}, "x: class_path: .*nearest: optuna.pruners.NopPruner"),
        ({"class_path": "no_such_module.A"}, "x: class_path: .*No module named 'no_such_module'"),
        ({"class_path": "NoModule"}, "x: class_path: 'NoModule' cannot be imported"),
        (
            PRUNER | {"init_args": {"wrapped_pruner": None, "patience": -1}},
            "x: optuna.*PatientPruner: .*patience",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_fault_names_its_place(node, message):
    with pytest.raises(ConfigError, match=message):
        build_component("x", node, accept)
