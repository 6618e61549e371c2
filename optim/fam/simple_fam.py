"""SimpleFAM: momentum that rises with the share of high frequencies in a gradient's first elements."""

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optim.checked_optimizer import CheckedOptimizer, Entry, require_non_negative, require_pole
from optim.fam.momentum_update import Row, per_row, update_rows
from optim.sharding import whole_tensor

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

    def _check_group(self, group: dict[str, Any]) -> None:
        require_non_negative(self._owner, "lr", group["lr"])
        require_pole(self._owner, "alpha", group["alpha"])
        require_pole(self._owner, "beta", group["beta"])

    def _new_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": torch.zeros_like(param)}

    def _update(self) -> None:
        for group in self.param_groups:
            rows: list[Row] = []
            batches: dict[object, list[tuple[Entry, Tensor]]] = defaultdict(list)
            for entry in self._entries(group):
                if entry.param.numel() > MIN_NUMEL and entry.state["step"] > START_STEP:
                    elements = whole_tensor(entry.grad).reshape(-1)[:SAMPLE_NUMEL]
                    elements = elements.to(torch.promote_types(elements.dtype, torch.float32))
                    alone = None if group["foreach"] else entry.position
                    batches[elements.device, elements.dtype, alone].append((entry, elements))
                else:
                    rows.append(_row(entry, group["alpha"], group))
            for batch in batches.values():
                momenta = high_frequency_momentum(torch.stack([part for _, part in batch]), group["alpha"])
                values = per_row(momenta) if group["foreach"] else momenta.unbind()
                rows += [_row(entry, value, group) for (entry, _), value in zip(batch, values, strict=True)]
            update_rows(rows)


def _row(entry: Entry, momentum: float | Tensor, group: dict[str, Any]) -> Row:
    tensors = (entry.param, entry.grad, entry.state["momentum_buffer"])
    return Row.of(tensors, momentum, group, weight_decay=0.0)
