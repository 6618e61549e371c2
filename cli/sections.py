"""Top-level sections of the configuration that Lightning does not know, typed so that typos are refused."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Distribution:
    """Where a search draws one value from.

    Args:
        distribution: the kind.
        low: smallest value (all but categorical).
        high: largest value (all but categorical).
        step: distance between values (discrete_uniform, int).
        log: whether an int is drawn on a logarithmic scale.
        choices: the values (categorical).
    """

    distribution: Literal["uniform", "loguniform", "int", "categorical", "discrete_uniform"]
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: list[str | int | float | bool | None] | None = None


@dataclass
class OptunaSection:
    """A search over configurations.

    Args:
        tune: whether ``fit`` is a search.
        n_trials: trials in all.
        direction: what is better.
        metric: the figure to judge a trial by.
        search_spaces: configuration path → distribution.
    """

    tune: bool = False
    n_trials: int = 50
    direction: Literal["minimize", "maximize"] = "minimize"
    metric: str = "val_per"
    search_spaces: dict[str, Distribution] = field(default_factory=dict)
