"""SimpleFAM: momentum that rises with the share of high frequencies in a gradient's first elements."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optim.arguments import require_non_negative, require_pole
from optim.checked_optimizer import CheckedOptimizer
from optim.fam.momentum_update import Row, multi_tensor_update, per_row, single_tensor_update
from optim.sharding import local_part, whole_tensor

START_STEP = 100
MIN_NUMEL = 1000
SAMPLE_NUMEL = 1000


def high_frequency_momentum(samples: Tensor, alpha: float) -> Tensor:
    """The momentum for each sample: ``(K, length)`` to ``(K,)``, on the samples' device."""
    spectrum = torch.fft.rfft(samples).abs()  # (K, F)
    share = spectrum[:, spectrum.shape[1] // 2 :].sum(1) / (spectrum.sum(1) + 1e-8)
    return (alpha + 0.05 * share).clamp(max=0.98)


class SimpleFAM(CheckedOptimizer):
    """FAM with one band and no options: parameters above 1000 elements, from step 101 on.

    Args:
        params: Parameters or groups.
        lr: Learning rate.
        alpha: Momentum that the spectrum starts from.
        beta: Kept for configurations of the original, which takes it and smooths nothing.
        foreach: Update many tensors per call; ``False`` takes the single-tensor path.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        alpha: float = 0.9,
        beta: float = 0.99,
        maximize: bool = False,
        foreach: bool = True,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "alpha": alpha, "beta": beta, "maximize": maximize, "foreach": foreach}
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group; its own settings override the optimizer's and are checked as those are."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        require_non_negative(self._owner, "lr", group["lr"])
        require_pole(self._owner, "alpha", group["alpha"])
        require_pole(self._owner, "beta", group["beta"])

    def _update(self) -> None:
        for group in self.param_groups:
            update = _update_together if group["foreach"] else _update_one_by_one
            update(list(self._rows(group)), group["alpha"])

    def _rows(self, group: dict[str, Any]) -> Iterator[tuple[Row, Tensor | None]]:
        """The group's rows with a plain momentum, each with its sample where one is due."""
        for _, param, grad in self._with_gradients(group):
            state = self.state[param]
            if not state:
                state["step"] = 0
                state["momentum_buffer"] = torch.zeros_like(param)
            state["step"] += 1
            due = param.numel() > MIN_NUMEL and state["step"] > START_STEP
            row = Row(
                local_part(param),
                local_part(grad),
                local_part(state["momentum_buffer"]),
                group["alpha"],
                group["lr"],
                weight_decay=0.0,
                maximize=group["maximize"],
            )
            yield row, (_first_elements(grad) if due else None)


def _first_elements(grad: Tensor) -> Tensor:
    elements = whole_tensor(grad).reshape(-1)[:SAMPLE_NUMEL]
    return elements.to(torch.promote_types(elements.dtype, torch.float32))


def _update_one_by_one(rows: list[tuple[Row, Tensor | None]], alpha: float) -> None:
    for row, elements in rows:
        if elements is None:
            single_tensor_update(row)
        else:
            momentum = high_frequency_momentum(elements[None], alpha)[0]
            single_tensor_update(row._replace(momentum=momentum))


def _update_together(rows: list[tuple[Row, Tensor | None]], alpha: float) -> None:
    plain = [row for row, elements in rows if elements is None]
    batches: dict[object, list[tuple[Row, Tensor]]] = defaultdict(list)
    for row, elements in rows:
        if elements is not None:
            batches[elements.device, elements.dtype].append((row, elements))
    multi_tensor_update(plain + [row for batch in batches.values() for row in _adapted(batch, alpha)])


def _adapted(batch: list[tuple[Row, Tensor]], alpha: float) -> list[Row]:
    samples = torch.stack([elements for _, elements in batch])
    momenta = per_row(high_frequency_momentum(samples, alpha))
    return [row._replace(momentum=momentum) for (row, _), momentum in zip(batch, momenta, strict=True)]
