"""The base of all optimizers here: checks of arguments, the closure, an exact reload of the state."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple, cast, overload

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, StateDict


class Entry(NamedTuple):
    """One parameter that has a gradient in this step."""

    position: int  # in its group
    param: Tensor
    grad: Tensor
    state: dict[str, Any]


class CheckedOptimizer(Optimizer, ABC):
    """An optimizer that refuses complex parameters and sparse gradients and reloads its state exactly.

    A subclass computes one step in ``_update`` and names in ``exact_state`` the entries that keep their
    own precision: torch casts every other floating-point entry to its parameter's dtype on loading.
    """

    exact_state: frozenset[str] = frozenset()

    @property
    def _owner(self) -> str:
        return type(self).__name__

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, whose settings override the optimizer's; complex parameters are refused."""
        super().add_param_group(param_group)
        for param in self.param_groups[-1]["params"]:
            if torch.is_complex(param):
                raise ValueError(
                    f"{self._owner}: parameters must be real, got one of dtype {param.dtype} and shape "
                    f"{tuple(param.shape)}; pass its torch.view_as_real"
                )
        self._check_group(self.param_groups[-1])

    @abstractmethod
    def _check_group(self, group: dict[str, Any]) -> None:
        """Refuse settings out of their range."""

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Perform one step; a closure is evaluated first, with gradients on, and its loss returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._update_uncompiled()
        return loss

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _update_uncompiled(self) -> None:
        """Keep out of compiled graphs, which would be compiled for every rate; the kernels are fused."""
        self._update()

    @abstractmethod
    def _update(self) -> None:
        """Compute one step; gradients are switched off."""

    @abstractmethod
    def _new_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return a parameter's state before its first step."""

    def _entries(self, group: dict[str, Any]) -> Iterator[Entry]:
        """Yield every parameter with a gradient; create its state at its first step, and count its step."""
        for index, param in enumerate(group["params"]):
            grad = param.grad
            if grad is None:
                continue
            if grad.layout is not torch.strided:
                raise ValueError(
                    f"{self._owner}: gradients must be dense, got layout {grad.layout} for a parameter of "
                    f"shape {tuple(param.shape)}; build the embedding with sparse=False"
                )
            state = self.state[param]
            if not state:
                state |= {"step": 0, **self._new_state(param, group)}
            state["step"] += 1
            yield Entry(index, param, grad, state)

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Load a state so that training continues bit for bit, whatever the parameters' dtype."""
        super().load_state_dict(state_dict)
        saved_ids = chain.from_iterable(group["params"] for group in state_dict["param_groups"])
        params = chain.from_iterable(group["params"] for group in self.param_groups)
        for saved_id, param in zip(saved_ids, params, strict=True):
            saved = cast("dict[str, Any]", state_dict["state"].get(saved_id, {}))
            for key in self.exact_state & saved.keys():
                self.state[param][key] = saved[key].to(device=param.device, copy=True)


def require(condition: bool, owner: str, rule: str, value: object) -> None:
    """Raise a ``ValueError`` that names the owner, the rule and the value unless the condition holds.

    Example:
        >>> require(0.9 < 1, "FAM", "alpha must lie in [0, 1)", 0.9)
    """
    if not condition:
        raise ValueError(f"{owner}: {rule}, got {value!r}")


def require_non_negative(owner: str, name: str, value: float) -> None:
    """Refuse a value that is not a finite number of at least zero."""
    require(math.isfinite(value) and value >= 0, owner, f"{name} must be a finite number >= 0", value)


def require_pole(owner: str, name: str, value: float) -> None:
    """Refuse a filter's pole outside [0, 1), where the filter would keep its past for ever."""
    require(0 <= value < 1, owner, f"{name} must lie in [0, 1)", value)
