"""Ends a training that has diverged, before its weights are evaluated or saved."""

import logging
import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from typing_extensions import override

from models.weights import DivergedError, are_numbers

log = logging.getLogger(__name__)

_PATIENCE = 3  # losses in a row: with 16-mixed a single one may overflow, and its step is left out
_STEPS_BEHIND = 8  # at most, on a device whose losses arrive later
_ADVICE = (
    "try a lower learning rate, trainer.gradient_clip_val: 1.0, precision 32 or bf16-mixed "
    "instead of 16-mixed, and look for broken recordings"
)


class _LateLoss(NamedTuple):
    """A loss on its way to the host."""

    value: Tensor
    event: Any  # of the device, recorded behind the copy; None where the value is there already

    @classmethod
    def of(cls, loss: Tensor) -> "_LateLoss":
        """Begin to copy a loss; nothing waits for it."""
        if loss.device.type != "cuda":
            return cls(loss.detach(), None)
        value = torch.empty((), dtype=loss.dtype, pin_memory=True)
        value.copy_(loss.detach(), non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        return cls(value, event)

    @property
    def has_arrived(self) -> bool:
        """Whether reading the value costs no wait."""
        return self.event is None or bool(self.event.query())

    def is_number(self) -> bool:
        """Return whether it is a finite number; wait for it if it has not arrived."""
        if self.event is not None:
            self.event.synchronize()
        return math.isfinite(float(self.value))


class LossWatch:
    """Counts losses in a row that are no numbers, without waiting for the device in every step."""

    def __init__(self) -> None:
        self._late: deque[_LateLoss] = deque()
        self._bad = 0

    def add(self, loss: Tensor) -> None:
        """Take the loss of a step, and look at those that have arrived."""
        self._late.append(_LateLoss.of(loss))
        while self._late and (self._late[0].has_arrived or len(self._late) > _STEPS_BEHIND):
            self._bad = 0 if self._late.popleft().is_number() else self._bad + 1
            if self.has_diverged:
                self._late.clear()

    @property
    def has_diverged(self) -> bool:
        """Whether so many losses in a row were no numbers that training cannot recover."""
        return self._bad >= _PATIENCE


class DivergenceWatch(Callback):
    """Ends a run whose loss or weights are no numbers.

    Training stops within a few steps. Weights are examined before each validation and each test, so that
    those of a diverged run are neither evaluated nor saved as the best ones.
    """

    def __init__(self) -> None:
        self._losses = LossWatch()

    @property
    def has_diverged(self) -> bool:
        """Whether training must end; all processes of a run have to agree on it."""
        return self._losses.has_diverged

    def on_train_batch_end(self, trainer: Trainer, pl_module: object, outputs: object, *_: object) -> None:
        """Take the loss of a step."""
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor):
            self._losses.add(loss)

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not are_numbers(_tensors(pl_module)):
            raise DivergedError(f"the weights are no numbers {_where(trainer)}")

    on_test_start = on_predict_start = on_validation_start

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._check_metric(trainer, "val_loss")

    @override
    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._check_metric(trainer, "test_loss")

    def _check_metric(self, trainer: Trainer, name: str) -> None:
        loss = trainer.callback_metrics.get(name)
        if loss is not None and not math.isfinite(float(loss)):
            raise DivergedError(f"{name} is not a number {_where(trainer)}")


def loss_diverged(trainer: Trainer) -> DivergedError:
    """Describe why training ends."""
    return DivergedError(f"the loss has stopped being a number {_where(trainer)}")


def _where(trainer: Trainer) -> str:
    """Name the step or the checkpoint, and what to try."""
    if trainer.state.fn == "fit" and trainer.global_step:
        return f"before step {trainer.global_step}; {_ADVICE}"
    source = trainer.ckpt_path or "before training"
    return f"({source}): the checkpoint, or the weights that training starts from, cannot be used"


def _tensors(module: LightningModule) -> Iterable[Tensor]:
    yield from module.parameters()
    yield from module.buffers()
