"""FAM's learning-rate schedules: warm up, hold, anneal by a cosine, and stay at the floor."""

import logging
import math
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from typing_extensions import override

from optim.checked_optimizer import require, require_non_negative

log = logging.getLogger(__name__)


def annealed_lr(
    step: int, base: float, *, warmup: int, start: float, decay_start: int, total: int, floor: float
) -> float:
    """Return the learning rate at a step, counted from 0, in closed form.

    Example:
        >>> [round(annealed_lr(s, 1.0, warmup=2, start=0.0, decay_start=2, total=6, floor=0.0), 3)
        ...  for s in range(8)]
        [0.0, 0.5, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    if step < warmup:
        return start + (base - start) * step / warmup
    if step < decay_start:
        return base
    if step >= total:
        return floor
    progress = (step - decay_start) / (total - decay_start)
    return floor + (base - floor) * (1 + math.cos(math.pi * progress)) / 2


class _Annealing(LRScheduler):
    """A schedule whose shape is that of its constructor, not that of an earlier run."""

    # The attributes with the steps of the warm-up, before the decay, and in all.
    _steps: tuple[str, str, str]

    def __init__(self, optimizer: Optimizer, rates: tuple[float, float], last_epoch: int) -> None:
        owner, unit = type(self).__name__, self._steps[0].removeprefix("warmup_")
        warmup, decay_start, total = self._lengths()
        require(warmup >= 0, owner, f"the warm-up must be at least 0 {unit}", warmup)
        rule = f"the decay must not start within the warm-up of {warmup} {unit}"
        require(decay_start >= warmup, owner, rule, decay_start)
        rule = f"the run must be longer than the {decay_start} {unit} before its decay; shorten the warm-up"
        require(total > decay_start, owner, rule, total)
        self.warmup_start_lr, self.eta_min = rates
        require_non_negative(owner, "warmup_start_lr", self.warmup_start_lr)
        require_non_negative(owner, "eta_min", self.eta_min)
        super().__init__(optimizer, last_epoch)

    def _lengths(self) -> list[int]:
        return [getattr(self, name) for name in self._steps]

    @override
    def get_lr(self) -> list[float | Tensor]:
        warmup, decay_start, total = self._lengths()
        return [
            annealed_lr(
                self.last_epoch,
                base,
                warmup=warmup,
                start=min(self.warmup_start_lr, base),
                decay_start=decay_start,
                total=total,
                floor=min(self.eta_min, base),
            )
            for base in map(float, self.base_lrs)
        ]

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        own = {name: getattr(self, name) for name in (*self._steps, "warmup_start_lr", "eta_min")}
        changed = {name: state_dict[name] for name in own if state_dict.get(name, own[name]) != own[name]}
        super().load_state_dict({**state_dict, **own})  # a run that is made longer keeps its new length
        for name, before in changed.items():
            log.warning("%s: %s was %s, now it is %s", type(self).__name__, name, before, own[name])


class FAMScheduler(_Annealing):
    """Per step: linear warm-up, hold at the base rate, cosine down to ``eta_min``, and no climbing again.

    Args:
        optimizer: Any optimizer; each group keeps its own base rate.
        warmup_steps: Steps of the linear warm-up; a number below 1 is a share of ``total_steps``.
        total_steps: Steps after which the rate stays at ``eta_min``; an application may write null for the
            run's own length and fill it in.
        warmup_start_lr: Rate of the first step; of a group with a lower base rate, that rate.
        decay_start_step: Step at which the cosine starts; the end of the warm-up by default.
        eta_min: Rate at the end; of a group with a lower base rate, that rate.
        last_epoch: The last step taken, -1 for a fresh start.
    """

    _steps = ("warmup_steps", "decay_start_step", "total_steps")

    def __init__(
        self,
        optimizer: Optimizer,
        warmup_steps: int | float = 1000,
        total_steps: int | None = 100_000,
        warmup_start_lr: float = 1e-6,
        decay_start_step: int | None = None,
        eta_min: float = 1e-6,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            raise ValueError(
                "FAMScheduler: total_steps must be a number of steps, got None, which stands for the "
                "run's own length; pass that length, for example trainer.estimated_stepping_batches"
            )
        self.warmup_steps = _steps_of(warmup_steps, total_steps)
        self.decay_start_step = self.warmup_steps if decay_start_step is None else decay_start_step
        self.total_steps = total_steps
        super().__init__(optimizer, (warmup_start_lr, eta_min), last_epoch)


def _steps_of(warmup: float, total_steps: int) -> int:
    """Return a warm-up in steps; a number below 1 is a share of the schedule.

    >>> _steps_of(75, 750), _steps_of(0.1, 750)
    (75, 75)
    """
    if 0 < warmup < 1:
        return round(warmup * total_steps)
    rule = "warmup_steps must be a number of steps, or a share of total_steps below 1"
    require(warmup == int(warmup), "FAMScheduler", rule, warmup)
    return int(warmup)


class FAMEpochScheduler(_Annealing):
    """Per epoch: linear warm-up, then cosine down to ``eta_min``.

    Args:
        optimizer: Any optimizer; each group keeps its own base rate.
        warmup_epochs: Epochs of the linear warm-up.
        max_epochs: Epochs after which the rate stays at ``eta_min``.
        warmup_start_lr: Rate of the first epoch; of a group with a lower base rate, that rate.
        eta_min: Rate at the end; of a group with a lower base rate, that rate.
        last_epoch: The last epoch taken, -1 for a fresh start.
    """

    _steps = ("warmup_epochs", "warmup_epochs", "max_epochs")

    def __init__(
        self,
        optimizer: Optimizer,
        warmup_epochs: int,
        max_epochs: int,
        warmup_start_lr: float = 1e-8,
        eta_min: float = 1e-8,
        last_epoch: int = -1,
    ) -> None:
        self.warmup_epochs = warmup_epochs
        self.max_epochs = max_epochs
        super().__init__(optimizer, (warmup_start_lr, eta_min), last_epoch)
