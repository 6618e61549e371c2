"""Refuses whatever makes the host wait for a device; on a CPU, where such waits cost nothing and hide."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

_READS = {
    torch.Tensor.item,
    torch.Tensor.tolist,
    torch.Tensor.__bool__,
    torch.Tensor.__int__,
    torch.Tensor.__float__,
    torch.Tensor.__index__,
    torch.Tensor.numpy,
    torch.Tensor.cpu,
}
_SIZED_BY_VALUES = {
    torch.ops.aten._local_scalar_dense.default,
    torch.ops.aten.nonzero.default,
    torch.ops.aten.masked_select.default,
    torch.ops.aten._unique2.default,
}


class HostWaitError(AssertionError):
    """A step asked the device for a value."""


class _RefuseReads(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _READS:
            raise HostWaitError(f"{func.__name__} on a tensor")
        return func(*args, **(kwargs or {}))


class _RefuseScalars(TorchDispatchMode):
    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _SIZED_BY_VALUES:
            raise HostWaitError(str(func))
        return func(*args, **(kwargs or {}))


@contextmanager
def no_host_waits() -> Iterator[None]:
    """Inside, no tensor may be read by the host."""
    with _RefuseReads(), _RefuseScalars():
        yield
