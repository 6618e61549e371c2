"""The configured optimizer, parameter groups and scheduler: checked early, built when training starts."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.nn import Module, Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from models.optimization.choices import (
    OPTIMIZERS,
    SCHEDULERS,
    FlatChoice,
    OptimizerName,
    SchedulerName,
    check_layer_decay,
    check_metric,
    choose_flat,
    interval_of,
    refuse_flat_keys,
)
from optim import FAM
from optim.param_groups import get_parameter_groups, layerwise_parameter_groups, trainable_group

if TYPE_CHECKING:
    from lightning.pytorch import Trainer
    from lightning.pytorch.utilities.types import OptimizerLRScheduler

GroupingName = Literal["fam", "layerwise"]
_FAM_KEYS = ("handler", "n_bands", "alpha")
_DEFAULT_DECAY = 0.9
_ANY_LENGTH = 10**6
_DEFAULT_MONITOR = "val_loss"


@dataclass(frozen=True)
class Grouping:
    """The configuration's ``param_groups`` and ``layer_decay``."""

    name: GroupingName | None = None
    layer_decay: float | None = None

    def __post_init__(self) -> None:
        """Refuse a decay that does nothing, or climbs."""
        check_layer_decay(self.name, self.layer_decay)

    def groups(self, model: Module, defaults: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return groups of the trainable parameters, around the optimizer's default rate and decay.

        Every group names its parameters: FAM reads kinds of layer from the names, its record shows them.
        """
        if self.name is None:
            return [trainable_group(model)]
        rate, weight_decay = defaults["lr"], defaults.get("weight_decay", 0.0)
        if self.name == "layerwise":
            decay = _DEFAULT_DECAY if self.layer_decay is None else self.layer_decay
            groups = layerwise_parameter_groups(model, rate, weight_decay, decay)
        else:
            groups = get_parameter_groups(model, rate, weight_decay)
        return [_understood(group, defaults) for group in groups]


def _understood(group: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what the optimizer does not have; RMSprop's ``alpha`` is not FAM's."""
    foreign = () if "handler" in defaults else _FAM_KEYS
    if "weight_decay" not in defaults:
        foreign = (*foreign, "weight_decay")
    return {key: value for key, value in group.items() if key not in foreign}


class OptimizationPlan:
    """Checks on construction; ``build`` makes optimizer and scheduler for the parameters that train."""

    def __init__(
        self,
        optimizer: OptimizerName | Callable[[Iterable[Any]], Optimizer],
        optimizer_keys: Mapping[str, object],
        scheduler: SchedulerName | Callable[[Optimizer], LRScheduler | ReduceLROnPlateau] | None,
        scheduler_keys: Mapping[str, object],
        monitor: str | None,
        optimizer_params: Mapping[str, object] | None = None,
        grouping: Grouping = Grouping(),  # noqa: B008 - immutable
    ) -> None:
        self._make_optimizer: Callable[[Any], Optimizer]
        if isinstance(optimizer, str):
            choice = choose_flat("optimizer", optimizer, OPTIMIZERS, optimizer_keys, optimizer_params)
            self._make_optimizer = choice.create
        else:
            refuse_flat_keys("optimizer", {**optimizer_keys, "optimizer_params": optimizer_params})
            self._make_optimizer = optimizer
        self._grouping = grouping
        self._scheduler: FlatChoice | Callable[[Optimizer], LRScheduler | ReduceLROnPlateau] | None
        if isinstance(scheduler, str):
            self._scheduler = choose_flat("scheduler", scheduler, SCHEDULERS, scheduler_keys)
        else:
            refuse_flat_keys("scheduler", scheduler_keys)
            self._scheduler = scheduler
        check_metric(scheduler, monitor)
        self._monitor = monitor or _DEFAULT_MONITOR
        # Built once over one weight, so that the constructors refuse mistakes before data is read.
        rehearsed = self._make_optimizer([{"params": [Parameter(torch.zeros(1))], "names": ["weight"]}])
        self._defaults = rehearsed.defaults
        watches = isinstance(self._make_scheduler(rehearsed), ReduceLROnPlateau)
        self.plateau_metric = self._monitor if watches else None  # that the scheduler watches

    def build(self, model: Module, trainer: "Trainer") -> "OptimizerLRScheduler":
        """Return optimizer and scheduler over the trainable parameters, as Lightning takes them."""
        optimizer = self._make_optimizer(self._grouping.groups(model, self._defaults))
        if isinstance(optimizer, FAM):
            optimizer.keep_record_in(trainer.default_root_dir)
        scheduler = self._make_scheduler(optimizer, trainer)
        if scheduler is None:
            return optimizer
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": scheduler,
                "interval": interval_of(scheduler),
                "monitor": self._monitor,
                # A plateau is checked when there is a new value.
                "frequency": trainer.check_val_every_n_epoch or 1
                if isinstance(scheduler, ReduceLROnPlateau)
                else 1,
            },
        }

    def _make_scheduler(
        self, optimizer: Optimizer, trainer: "Trainer | None" = None
    ) -> LRScheduler | ReduceLROnPlateau | None:
        """Build the scheduler, where there is one; without a Trainer for a run of any length."""
        if not isinstance(self._scheduler, FlatChoice):
            return self._scheduler and self._scheduler(optimizer)
        argument = self._scheduler.component.length_argument
        if argument is None or argument in self._scheduler.arguments:
            return self._scheduler.create(optimizer)
        length: float | None = _ANY_LENGTH
        if trainer is not None:
            length = trainer.estimated_stepping_batches if argument == "total_steps" else trainer.max_epochs
        if length is None or not 0 < length < math.inf:
            raise ValueError(f"model: scheduler {self._scheduler.name} needs {argument}: this run has no end")
        return self._scheduler.create(optimizer, **{argument: int(length)})
