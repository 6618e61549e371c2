"""The mean of the best checkpoints, which replaces the best one where validation finds it better."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from callbacks.checkpoint_io import DurableCheckpointIO
from callbacks.checkpoints import CustomModelCheckpoint
from callbacks.tied_checkpoints import TIE_BREAKER
from callbacks.weight_average import AVERAGE_KEY, WeightAverage
from experiment.layout import MEAN_CHECKPOINT_FILE
from models.weights import read_checkpoint

log = logging.getLogger(__name__)

# What belongs to a training at one step, and to no mean of several.
_OF_A_TRAINING = ("loops", "callbacks", "optimizer_states", "lr_schedulers", AVERAGE_KEY)


def mean_weights(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of each floating-point tensor; of others, such as counters, the first.

    >>> mean_weights([{"w": torch.tensor([1.0])}, {"w": torch.tensor([4.0])}])
    {'w': tensor([2.5000])}
    """
    return {
        name: torch.stack([state[name].double() for state in states]).mean(dim=0).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in states[0].items()
    }


def write_mean(paths: Sequence[Path], target: Path) -> None:
    """Write the mean of checkpoints, the best of which comes first."""
    contents = [read_checkpoint(path) for path in paths]
    first: dict[str, Any] = {key: value for key, value in contents[0].items() if key not in _OF_A_TRAINING}
    state = mean_weights([content["state_dict"] for content in contents])
    DurableCheckpointIO().save_checkpoint(first | {"state_dict": state}, target)


def better_mean(trainer: Trainer, validate: Callable[[str], object]) -> str | None:
    """Return the mean of the best checkpoints where the configuration asks for it and it is the best.

    ``validate`` evaluates a file on the validation data. A mean that is no better is removed.
    """
    keeper, number = trainer.checkpoint_callback, _number_wanted(trainer)
    if number is None or not isinstance(keeper, CustomModelCheckpoint):
        return None
    sign = 1.0 if keeper.mode == "min" else -1.0
    kept = sorted(keeper.best_k_models, key=lambda path: sign * float(keeper.best_k_models[path]))[:number]
    if len(kept) < 2:  # noqa: PLR2004 - one checkpoint has no mean
        return None
    target = str(Path(str(keeper.dirpath)) / MEAN_CHECKPOINT_FILE)
    if trainer.is_global_zero:
        write_mean(list(map(Path, kept)), Path(target))
    trainer.strategy.barrier()
    validate(target)
    return target if _is_taken(trainer, keeper, target, len(kept)) else None


def _number_wanted(trainer: Trainer) -> int | None:
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    return next((one.best for one in callbacks if isinstance(one, WeightAverage) and one.best), None)


def _is_taken(trainer: Trainer, keeper: CustomModelCheckpoint, target: str, number: int) -> bool:
    metrics = trainer.callback_metrics
    score, loss = float(metrics[str(keeper.monitor)]), float(metrics[TIE_BREAKER])
    is_better = keeper.rivals(target, score, loss)
    outcome = "is taken" if is_better else "is left out"
    best = float(keeper.best_k_models[keeper.best_model_path])
    log.info(
        "mean of the %d best checkpoints: %s %.4f, the best one has %.4f: the mean %s",
        *(number, keeper.monitor, score, best, outcome),
    )
    if trainer.is_global_zero:
        if is_better:
            keeper.record(target, score)
        else:
            Path(target).unlink()
    return is_better
