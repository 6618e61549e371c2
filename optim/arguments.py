"""How the optimizers refuse an argument: who, what must hold, what came."""

import math


def require(condition: bool, owner: str, rule: str, value: object) -> None:
    """Raise a ``ValueError`` that names the owner, the rule and the value unless the condition holds.

    Example:
        >>> require(0.9 < 1, "FAM", "alpha must lie in [0, 1)", 0.9)
    """
    if not condition:
        raise ValueError(f"{owner}: {rule}, got {value!r}")


def require_non_negative(owner: str, name: str, value: float) -> None:
    """Refuse what is not a finite number of at least zero."""
    require(math.isfinite(value) and value >= 0, owner, f"{name} must be a finite number >= 0", value)


def require_pole(owner: str, name: str, value: float) -> None:
    """Refuse a filter's pole outside [0, 1), where the filter would not forget."""
    require(0 <= value < 1, owner, f"{name} must lie in [0, 1)", value)
