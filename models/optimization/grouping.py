"""Which parameters share a rate and a decay: all, kinds of layer, or depths."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch.nn import Module

from optim.param_groups import get_parameter_groups, layerwise_parameter_groups, trainable_group

GroupingName = Literal["fam", "layerwise"]
_FAM_KEYS = ("handler", "n_bands", "alpha")
_DEFAULT_DECAY = 0.9


@dataclass(frozen=True)
class Grouping:
    """The configuration's ``param_groups`` and ``layer_decay``."""

    name: GroupingName | None = None
    layer_decay: float | None = None

    def __post_init__(self) -> None:
        """Refuse a decay that does nothing, or climbs."""
        if self.layer_decay is None:
            return
        if self.name != "layerwise":
            raise ValueError("model: layer_decay belongs to param_groups: layerwise; leave it out")
        if not 0 < self.layer_decay <= 1:
            raise ValueError(f"model: layer_decay must lie in (0, 1], got {self.layer_decay}")

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
