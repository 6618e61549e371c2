"""Averages weights: the average is validated, saved and used; training continues with the raw weights."""

import logging
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from typing_extensions import override

from callbacks.checkpoints import CustomModelCheckpoint
from experiment.errors import ConfigError

log = logging.getLogger(__name__)

AVERAGE_KEY = "weight_average"  # in checkpoints, whose state_dict is the average
Weights = dict[str, Tensor]


def decay_after(num_steps: int, most: float) -> float:
    """Return how much of an average over ``num_steps`` earlier steps the next step keeps.

    The average covers the last ninth of the steps so far, until ``most`` is reached.

    >>> [round(decay_after(num_steps, 0.999), 3) for num_steps in (0, 1, 90, 100_000)]
    [0.1, 0.182, 0.91, 0.999]
    """
    return min(most, (1 + num_steps) / (10 + num_steps))


class WeightAverage(Callback):
    """Averages the weights over steps, over the best checkpoints, or over both.

    Lightning's ``WeightAveraging`` copies frozen weights too, saves the raw ones where a validation is cut
    off or ``save_weights_only`` is set, and rounds an average of 16-bit weights.

    Args:
        ema_decay: how much of an exponential moving average each step keeps; early steps keep less. Null
            averages no steps.
        best: when training ends, the mean of so many of the best checkpoints is validated, and taken as the
            best one if it is better. ``save_top_k`` of ``CustomModelCheckpoint`` must keep as many.
    """

    def __init__(self, ema_decay: float | None = None, best: int | None = None) -> None:
        if ema_decay is None and best is None:
            raise ValueError("WeightAverage: give ema_decay, best, or both")
        if ema_decay is not None and not 0.0 < ema_decay < 1.0:
            raise ValueError(f"WeightAverage: ema_decay must lie between 0 and 1, got {ema_decay}")
        if best is not None and best < 2:  # noqa: PLR2004 - one checkpoint has no mean
            raise ValueError(f"WeightAverage: best must be 2 or more, got {best}")
        self.ema_decay = ema_decay
        self.best = best
        self._average: Weights = {}  # by name in the state_dict, in 32 bits at least
        self._raw: Weights = {}  # what trains, while the average is in its place
        self._averaged_steps = 0
        self._last_step = 0  # whose weights are in the average

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage != "fit":
            return
        if self.best is not None:
            _check_kept(trainer, self.best)
        is_whole = isinstance(trainer.strategy, DDPStrategy | SingleDeviceStrategy)
        if self.ema_decay is not None and not is_whole:
            raise ConfigError(
                f"callbacks.WeightAverage: ema_decay needs whole weights in each process, "
                f"{type(trainer.strategy).__name__} splits them; use trainer.strategy: ddp"
            )

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with the weights, or continue the average that was loaded."""
        if self.ema_decay is None:
            return
        self._last_step = trainer.global_step
        state = pl_module.state_dict(keep_vars=True)
        self._average = {
            name: mean.to(state[name].device) for name, mean in self._average.items() if name in state
        }
        self._begin(state)
        strategy, whole = trainer.strategy, trainer.strategy.lightning_module_state_dict
        # Whatever saves calls this; callbacks are not asked about files that hold weights alone.
        strategy.lightning_module_state_dict = lambda: whole() | self._rounded(pl_module)  # type: ignore[method-assign]

    @override
    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        if self.ema_decay is None or trainer.global_step == self._last_step:  # gradients are accumulated
            return
        self._last_step = trainer.global_step
        state = pl_module.state_dict(keep_vars=True)
        self._begin(state)
        values = [state[name].detach().to(mean.dtype) for name, mean in self._average.items()]
        decay = decay_after(self._averaged_steps, self.ema_decay)
        get_ema_multi_avg_fn(decay)(list(self._average.values()), values, None)
        self._averaged_steps += 1

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn == "fit" and self._averaged_steps and not self._raw:
            self._raw = {name: value.clone() for name, value in self._training(pl_module).items()}
            _put(self._average, pl_module)

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._put_raw_back(pl_module)

    @override
    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._put_raw_back(pl_module)

    @override
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the average in the model, for an evaluation without a checkpoint."""
        _put(self._average, pl_module)

    @override
    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        vars(trainer.strategy).pop("lightning_module_state_dict", None)
        self._average, self._raw = {}, {}

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"averaged_steps": self._averaged_steps}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._averaged_steps = int(state_dict["averaged_steps"])

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the raw weights; the average takes no more room where it has as many bits as the weights."""
        if self._average:
            checkpoint[AVERAGE_KEY] = {"raw": self._training(pl_module), "average": dict(self._average)}

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Resume from the raw weights; evaluations use the average, which is in the model already."""
        if trainer.state.fn == "fit" and AVERAGE_KEY in checkpoint:
            stored = checkpoint[AVERAGE_KEY]
            pl_module.load_state_dict(stored["raw"], strict=False)
            self._average = dict(stored["average"]) if self.ema_decay is not None else {}
        elif trainer.state.fn == "fit" and self.ema_decay is not None:
            log.info("the checkpoint holds no average of weights: it begins with the checkpoint's weights")

    def _begin(self, state: dict[str, Any]) -> None:
        """Add what has no average yet: at first everything that trains, later what was frozen before."""
        for name, value in state.items():
            if name not in self._average and _is_averaged(value):
                bits = torch.promote_types(value.dtype, torch.float32)
                self._average[name] = value.detach().to(bits, copy=True)

    def _training(self, module: LightningModule) -> Weights:
        """Return the raw values of what is averaged."""
        state = module.state_dict()
        return self._raw or {name: state[name] for name in self._average}

    def _rounded(self, module: LightningModule) -> Weights:
        """Return the average as the network can hold it."""
        state = module.state_dict()
        return {name: mean.to(state[name].dtype) for name, mean in self._average.items()}

    def _put_raw_back(self, module: LightningModule) -> None:
        _put(self._raw, module)
        self._raw = {}


def _is_averaged(value: Tensor) -> bool:
    """Return whether a value trains, or is a running statistic; what is frozen needs no average."""
    return value.is_floating_point() and (value.requires_grad or not isinstance(value, nn.Parameter))


@torch.no_grad()
def _put(weights: Weights, module: LightningModule) -> None:
    state = module.state_dict()
    for name, value in weights.items():
        state[name].copy_(value)


def _check_kept(trainer: Trainer, best: int) -> None:
    """Refuse a mean of more checkpoints than are kept, and of checkpoints that nothing compares."""
    keeper = trainer.checkpoint_callback
    if not isinstance(keeper, CustomModelCheckpoint) or not _keeps(keeper, best):
        raise ConfigError(
            f"callbacks.WeightAverage: best: {best} needs callbacks.CustomModelCheckpoint with "
            f"save_top_k: {best} or more, and a metric of validation to compare them by"
        )


def _keeps(keeper: CustomModelCheckpoint, number: int) -> bool:
    compares = (keeper.monitor or "").startswith("val_")
    return compares and (keeper.save_top_k >= number or keeper.save_top_k == -1)
