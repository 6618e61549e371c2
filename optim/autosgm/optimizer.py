"""AutoSGM: a stochastic gradient method as a low-pass filter with an automatic learning rate."""

import functools
import importlib
import importlib.util
import logging
from collections import defaultdict
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optim.autosgm.bundle import Bundle, Numbers
from optim.autosgm.settings import BetaCfg, EpsCfg, LrCfg, RcCfg, WdCfg, group_settings
from optim.autosgm.step_foreach import multi_tensor_step
from optim.autosgm.step_single import single_tensor_step
from optim.checked_optimizer import CheckedOptimizer, Entry, require_non_negative
from optim.sharding import is_sharded, layout_of, local_part

log = logging.getLogger(__name__)

# Without it, or on other devices, torch's operations do the same in more time.
HAS_NUMBA = importlib.util.find_spec("numba") is not None


class AutoSGM(CheckedOptimizer):
    """Stochastic gradient method with a first-order low-pass filter and an iteration-dependent rate.

    Heavy ball, Nesterov and Adam are points of its design space: with the defaults it is Adam, up to where
    epsilon stands. Every tuple may also be given per parameter group.

    Args:
        params: Parameters, named parameters, or groups.
        lr_cfg: ``(aoptlr, lr_init, num_lrc)``: whether steps are divided by the root of the filtered
            squared gradient; the learning rate; its scale per tensor: 0 nothing, 1 the correlation of
            weights and steps, 2 the same with outliers cut, 3 the mean squared step, 4 nothing, but outlying
            steps shrink.
        beta_cfg: ``(beta_n, beta_a, beta_i, gamma_i, eta_i, debias)``: poles of the numerator's, the
            denominator's and the gradient's filter; the gradient filter's zero (0 heavy ball,
            ``beta/(1 + beta)`` Nesterov); its input gain (0 for ``1 - beta``); whether to correct the bias.
        rc_cfg: ``(rcm, inseq, x, n, m, tau, spe, cfact, e)``: the window on the learning rate. Its shape
            (0 off, 1 cosine, 2 polynomial, 3 exponential, 4 squared complement, 5 and 6 logistic); 1 for
            values at the golden section's points, sorted; floor; order; 1 to anneal, 0 to warm up and anneal;
            epochs per frame; steps per epoch; frame (0 constant within an epoch, 1 steps, 2 restarts each
            epoch); the share of the frame that stays at one.
        wd_cfg: ``(wd_cte, wd_lvl)``: weight decay, and where it acts: 0 in the gradient, 1 in the step.
        eps_cfg: ``(eps,)``: the number that keeps divisions finite.
        maximize: Ascend instead of descend: the gradient is negated, weight decay still shrinks weights.
        lr: Shorthand for ``lr_cfg[1]``.
        weight_decay: Shorthand for ``wd_cfg[0]``.
        foreach: Update many tensors per call, or on a processor each in one compiled loop (where Numba is
            installed); ``False`` takes the single-tensor path.
    """

    exact_state = frozenset({"rate", "norm", "deviation"})

    def __init__(
        self,
        params: ParamsT,
        lr_cfg: LrCfg = (True, 1e-3, 0),
        beta_cfg: BetaCfg = (0.9999, 0.999, 0.9, 0.0, 0.0, True),
        rc_cfg: RcCfg = (0, 0, 0.0, 2.0, 1, 1, 1000, 1, 0.0),
        wd_cfg: WdCfg = (0.0, 0),
        eps_cfg: EpsCfg = (1e-8,),
        maximize: bool = False,
        lr: float | None = None,
        weight_decay: float | None = None,
        foreach: bool = True,
    ) -> None:
        tuples = {"lr_cfg": lr_cfg, "beta_cfg": beta_cfg, "rc_cfg": rc_cfg, "wd_cfg": wd_cfg}
        settings = group_settings({**tuples, "eps_cfg": eps_cfg, "lr": lr, "weight_decay": weight_decay})
        super().__init__(params, {**settings, "maximize": maximize, "foreach": foreach})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group; its tuples and shorthands override the optimizer's, with the same checks."""
        super().add_param_group(group_settings(param_group))

    def _check_group(self, group: dict[str, Any]) -> None:
        for name in ("lr", "weight_decay"):
            require_non_negative(self._owner, name, group[name])

    def _new_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        numbers = Numbers.of(group, step=1)
        dtype = torch.promote_types(param.dtype, torch.float32)
        tensors = {name: torch.zeros_like(param) for name in numbers.tensor_states}
        scalars = {name: torch.zeros((), dtype=dtype, device=param.device) for name in numbers.scalar_states}
        return tensors | scalars

    def _update(self) -> None:
        for group in self.param_groups:
            step = multi_tensor_step if group["foreach"] else single_tensor_step
            for_loops: list[tuple[Bundle, Numbers]] = []
            for (looped, _, count, _), batch in self._batches(group).items():
                numbers = Numbers.of(group, count)
                bundle = _bundle(batch, numbers)
                if looped:
                    for_loops.append((bundle, numbers))
                else:
                    step(bundle, numbers)
            if for_loops:
                from optim.autosgm.step_compiled import compiled_steps

                compiled_steps(for_loops)

    def _batches(self, group: dict[str, Any]) -> dict[tuple[bool, int | None, int, Any], list[Entry]]:
        """Collect the tensors of a step by their compiled loops, number of steps and place."""
        batches: dict[tuple[bool, int | None, int, Any], list[Entry]] = defaultdict(list)
        for entry in self._entries(group):
            looped = group["foreach"] and _suits_loops(entry)
            alone = entry.position if looped or not group["foreach"] else None
            place = (entry.param.device, entry.param.dtype, layout_of(entry.param))
            batches[looped, alone, entry.state["step"], place].append(entry)
        return batches


def _bundle(batch: list[Entry], numbers: Numbers) -> Bundle:
    return Bundle(
        params=[local_part(entry.param) for entry in batch],
        grads=[local_part(entry.grad) for entry in batch],
        states={name: [local_part(entry.state[name]) for entry in batch] for name in numbers.tensor_states},
        scalars={name: [entry.state[name] for entry in batch] for name in numbers.scalar_states},
        numels=[entry.param.numel() for entry in batch],
        like=batch[0].param,
    )


def _suits_loops(entry: Entry) -> bool:
    """Check that compiled loops take this tensor: whole, not empty, on a processor, of a known precision."""
    param, grad = entry.param, entry.grad
    return (
        HAS_NUMBA
        and param.device.type == "cpu"
        and param.dtype in (torch.float32, torch.float64)
        and grad.dtype == param.dtype
        and param.numel() > 0
        and not is_sharded(param)
        and not grad.is_neg()
        and all(tensor.is_contiguous() for tensor in (param, grad, entry.state["average"]))
        and _loops_work()
    )


@functools.cache
def _loops_work() -> bool:
    """Check that Numba can be imported, which takes a second: NumPy may be too new for it."""
    try:
        importlib.import_module("optim.autosgm.step_compiled")
    except ImportError as error:
        log.warning("AutoSGM: steps take several times as long, since Numba cannot be used: %s", error)
        return False
    return True
