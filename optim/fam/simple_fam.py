"""SimpleFAM: momentum that rises with the share of high frequencies in a gradient's first elements."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optim.checked_optimizer import CheckedOptimizer, require_non_negative, require_pole
from optim.fam.momentum_update import Row, per_row, update_rows
from optim.sharding import local_part, whole_tensor

START_STEP = 100
MIN_NUMEL = 1000
SAMPLE_NUMEL = 1000


def high_frequency_momentum(samples: Tensor, alpha: float) -> Tensor:
    """Return the momentum for each sample: ``(K, length)`` to ``(K,)``, on the samples' device."""
    spectrum = torch.fft.rfft(samples).abs()  # (K, F)
    share = spectrum[:, spectrum.shape[1] // 2 :].sum(1) / (spectrum.sum(1) + 1e-8)
    return (alpha + 0.05 * share).clamp(max=0.98)


class SimpleFAM(CheckedOptimizer):
    """FAM with one band and no options: parameters above 1000 elements, from step 101 on.

    Args:
        params: Parameters or groups.
        lr: Learning rate.
        alpha: Momentum that the spectrum starts from.
        beta: Unused; configurations of the original give it.
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
        """Add a group, whose settings override the optimizer's and are checked in the same way."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        require_non_negative(self._owner, "lr", group["lr"])
        require_pole(self._owner, "alpha", group["alpha"])
        require_pole(self._owner, "beta", group["beta"])

    def _update(self) -> None:
        for group in self.param_groups:
            batches: dict[object, list[tuple[Row, Tensor]]] = defaultdict(list)
            rows = []
            for index, (row, elements) in enumerate(self._rows(group)):
                if elements is None:
                    rows.append(row)
                else:
                    alone = None if group["foreach"] else index
                    batches[elements.device, elements.dtype, alone].append((row, elements))
            rows += [row for batch in batches.values() for row in _adapted(batch, group)]
            update_rows(rows, foreach=group["foreach"])

    def _rows(self, group: dict[str, Any]) -> Iterator[tuple[Row, Tensor | None]]:
        """Yield the group's rows with the plain momentum, each with its sample where one is due."""
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


def _adapted(batch: list[tuple[Row, Tensor]], group: dict[str, Any]) -> list[Row]:
    samples = torch.stack([elements for _, elements in batch])
    momenta = high_frequency_momentum(samples, group["alpha"])
    values = per_row(momenta) if group["foreach"] else momenta.unbind()
    return [row._replace(momentum=momentum) for (row, _), momentum in zip(batch, values, strict=True)]
