"""Optimizers and schedulers by name with flat keys, or by ``class_path``; a key nobody uses is refused.

The classes are imported when one is built: keys are checked before torch is there.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, cast

from jsonargparse import ArgumentError, ArgumentParser

if TYPE_CHECKING:
    from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

OptimizerName = Literal["AdamW", "SGD", "FAM", "FAMOptimizer", "AutoSGM", "SimpleFAM"]
SchedulerName = Literal[
    "StepLR", "MultiStepLR", "ReduceLROnPlateau", "FAMScheduler", "FAMScheduler2", "FAMEpochScheduler"
]


@dataclass(frozen=True)
class NamedComponent:
    """A class that the configuration calls by name, and the flat keys it takes.

    ``keys`` maps the configuration's key to the constructor's argument.
    """

    class_path: str
    keys: Mapping[str, str]
    required: tuple[str, ...] = ()
    length_argument: str | None = None  # filled with the run's own length where the user gives none

    @property
    def constructor(self) -> Callable[..., Any]:
        """Import the class."""
        module, _, name = self.class_path.rpartition(".")
        return cast("Callable[..., Any]", getattr(importlib.import_module(module), name))


_RATE_AND_DECAY = {"lr": "lr", "weight_decay": "weight_decay"}
OPTIMIZERS: dict[OptimizerName, NamedComponent] = {
    "AdamW": NamedComponent("torch.optim.AdamW", _RATE_AND_DECAY),
    "SGD": NamedComponent(
        "torch.optim.SGD", {"lr": "lr", "weight_decay": "weight_decay", "momentum": "momentum"}
    ),
    "FAM": NamedComponent("optim.FAM", _RATE_AND_DECAY),
    "AutoSGM": NamedComponent("optim.AutoSGM", _RATE_AND_DECAY),
    "SimpleFAM": NamedComponent("optim.SimpleFAM", {"lr": "lr"}),
}
OPTIMIZERS["FAMOptimizer"] = OPTIMIZERS["FAM"]

_SCHEDULES = "torch.optim.lr_scheduler"
_WARM_UP = {"warmup_start_lr": "warmup_start_lr", "min_lr": "eta_min"}
SCHEDULERS: dict[SchedulerName, NamedComponent] = {
    "StepLR": NamedComponent(
        f"{_SCHEDULES}.StepLR", {"step_size": "step_size", "gamma": "gamma"}, ("step_size",)
    ),
    "MultiStepLR": NamedComponent(
        f"{_SCHEDULES}.MultiStepLR",
        {"milestones": "milestones", "gamma": "gamma"},
        ("milestones",),
    ),
    "ReduceLROnPlateau": NamedComponent(
        f"{_SCHEDULES}.ReduceLROnPlateau",
        {"metric_patience": "patience", "min_lr": "min_lr", "gamma": "factor"},
    ),
    "FAMScheduler": NamedComponent(
        "optim.FAMScheduler",
        {
            "warmup_steps": "warmup_steps",
            "total_steps": "total_steps",
            "decay_start_step": "decay_start_step",
            **_WARM_UP,
        },
        length_argument="total_steps",
    ),
    "FAMEpochScheduler": NamedComponent(
        "optim.FAMEpochScheduler",
        {"warmup_epochs": "warmup_epochs", "max_epochs": "max_epochs", **_WARM_UP},
        ("warmup_epochs",),
        length_argument="max_epochs",
    ),
}
SCHEDULERS["FAMScheduler2"] = SCHEDULERS["FAMScheduler"]
_NEVER_NEGATIVE = ("lr", "weight_decay", "momentum")
# torch's schedulers that are stepped after every batch.
STEPWISE_SCHEDULERS = frozenset({"OneCycleLR", "CyclicLR", "FAMScheduler"})


def flat_keys(table: Mapping[Any, NamedComponent]) -> set[str]:
    """Return the configuration's keys for components of a table.

    >>> sorted(flat_keys(OPTIMIZERS))
    ['lr', 'momentum', 'weight_decay']
    """
    return {key for component in table.values() for key in component.keys}


@dataclass(frozen=True)
class FlatChoice:
    """A component chosen by name, with the constructor's arguments that were given for it."""

    name: str
    component: NamedComponent
    arguments: Mapping[str, object]

    def create(self, first: object, **filled: object) -> Any:  # noqa: ANN401 - its class is data
        """Build it."""
        return self.component.constructor(first, **self.arguments, **filled)


def choose_flat(
    section: str,
    name: str,
    table: Mapping[Any, NamedComponent],
    given: Mapping[str, object],
    own: Mapping[str, object] | None = None,
) -> FlatChoice:
    """Check the flat keys against the chosen component.

    >>> choose_flat("scheduler", "StepLR", SCHEDULERS, {"step_size": 2, "milestones": [1]})
    Traceback (most recent call last):
    ValueError: model: scheduler StepLR does not use milestones; it takes: step_size, gamma
    """
    component = table[name]
    values = {key: value for key, value in given.items() if value is not None}
    unused = sorted(set(values) - set(component.keys))
    if unused:
        takes = ", ".join(component.keys)
        raise ValueError(f"model: {section} {name} does not use {', '.join(unused)}; it takes: {takes}")
    for key in _NEVER_NEGATIVE:
        if key in values and float(cast("float", values[key])) < 0:
            raise ValueError(f"model: {key} must be at least 0, got {values[key]}")
    missing = [key for key in component.required if key not in values]
    if missing:
        raise ValueError(f"model: {section} {name} needs {', '.join(missing)}")
    arguments = {component.keys[key]: value for key, value in values.items()}
    own_arguments = _own_arguments(f"{section}_params", name, component, own) if own else {}
    return FlatChoice(name, component, arguments | own_arguments)


def _own_arguments(
    key: str, name: str, component: NamedComponent, own: Mapping[str, object]
) -> dict[str, Any]:
    """Check parameters that are no flat keys against the constructor, and convert them to its types."""
    first, *parameters = inspect.signature(component.constructor).parameters
    flat = component.keys.values()
    accepted = [parameter for parameter in parameters if parameter not in flat]
    for given in own:
        if given in flat:
            raise ValueError(f"model: write {given} as model.{given}, not inside {key}")
        if given not in accepted:
            near = get_close_matches(given, accepted, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(
                f"model: {key}: {name} has no parameter {given}{hint}; it takes: {', '.join(accepted)}"
            )
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(
        component.constructor, skip={first, *flat}, fail_untyped=False, sub_configs=False
    )
    try:
        return cast("dict[str, Any]", parser.parse_object(dict(own), defaults=False).as_dict())
    except ArgumentError as error:
        raise ValueError(f"model: {key}: {name}: {' '.join(str(error).split())}") from error


def refuse_flat_keys(section: str, given: Mapping[str, object]) -> None:
    """Refuse flat keys of a component given by ``class_path``, or of none: they would do nothing."""
    unused = sorted(key for key, value in given.items() if value is not None)
    if unused:
        raise ValueError(
            f"model: {', '.join(unused)} apply only where the {section} is chosen by name; "
            f"put them into its init_args, or leave them out"
        )


def check_metric(scheduler: object, monitor: str | None) -> None:
    """Refuse ``metric_scheduler`` where no scheduler watches a metric; ``scheduler`` as configured."""
    is_named = scheduler is None or isinstance(scheduler, str)
    if monitor is not None and scheduler != "ReduceLROnPlateau" and is_named:
        raise ValueError(
            f"model: scheduler {scheduler} does not use metric_scheduler; ReduceLROnPlateau does"
        )


def check_layer_decay(grouping: str | None, layer_decay: float | None) -> None:
    """Refuse a decay over layers that does nothing, or climbs."""
    if layer_decay is None:
        return
    if grouping != "layerwise":
        raise ValueError("model: layer_decay belongs to param_groups: layerwise; leave it out")
    if not 0 < layer_decay <= 1:
        raise ValueError(f"model: layer_decay must lie in (0, 1], got {layer_decay}")


def interval_of(scheduler: "LRScheduler | ReduceLROnPlateau") -> Literal["step", "epoch"]:
    """Return whether a scheduler counts steps or epochs."""
    return "step" if type(scheduler).__name__ in STEPWISE_SCHEDULERS else "epoch"
