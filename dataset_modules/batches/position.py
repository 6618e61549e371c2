"""The position within an epoch, and the settings that must stay the same to resume from it."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler

from dataset_modules.batches.sampler import LengthBucketSampler

_KEYS = {
    "seed": "seed_everything or data.seed",
    "batch_size": "data.batch_size",
    "max_batch_seconds": "data.max_batch_seconds",
    "world_size": "the number of processes (trainer.devices times trainer.num_nodes)",
    "accumulate_grad_batches": "trainer.accumulate_grad_batches",
    "data": "the recordings of the training split",
    "sampling": "data.sampling or the weight of a data set",
    "batch_seconds": "the seconds of recordings in a batch (max_batch_seconds divided by the longest stretch "
    "in data.augmentations)",
}


class PlaceError(ValueError):
    """A checkpoint was written within an epoch whose batches would be different now."""


def is_mid_epoch(checkpoint: Mapping[str, Any]) -> bool:
    """Return whether a checkpoint was written before the end of its epoch.

    >>> progress = {"current": {"ready": 3, "processed": 2}, "is_last_batch": True}
    >>> is_mid_epoch({"loops": {"fit_loop": {"epoch_loop.batch_progress": progress}}})
    True
    """
    progress = checkpoint.get("loops", {}).get("fit_loop", {}).get("epoch_loop.batch_progress")
    if not progress:
        return False
    current = progress["current"]
    return bool(batches_done(current["processed"], current["ready"], is_last=progress["is_last_batch"]))


def batches_done(processed: int, ready: int, *, is_last: bool) -> int:
    """Return how many batches of an unfinished epoch were trained on; 0 for a finished epoch.

    ``processed`` includes a batch at whose end a checkpoint is written; ``ready`` batches were fetched.

    >>> batches_done(3, 4, is_last=True), batches_done(4, 4, is_last=True)
    (3, 0)
    """
    return 0 if is_last and processed == ready else processed


def set_position(
    sampler: LengthBucketSampler,
    trainer: Trainer,
    stored: Mapping[str, Any],
    current: Callable[[], Mapping[str, Any]],
) -> None:
    """Move a sampler to the epoch and the batch from which a run starts or resumes.

    Lightning creates the first iterator of a resumed run before it sets the epoch.
    """
    sampler.set_epoch(epoch_to_come(trainer))
    sampler.skip_batches = trained_batches(trainer)
    if sampler.skip_batches:
        check_place(stored, current())


def check_place(stored: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise ``PlaceError`` if the order of batches changed since a checkpoint within an epoch.

    Older checkpoints lack some settings; only settings in both are compared.
    """
    different = [key for key in _KEYS if key in stored and key in now and stored[key] != now[key]]
    if not different:
        return
    # The fingerprint of the data is not printed.
    changes = "; ".join(
        f"{_KEYS[key]} have changed"
        if key == "data"
        else f"{_KEYS[key]} was {_shown(stored[key])}, is {_shown(now[key])}"
        for key in different
    )
    raise PlaceError(
        f"ckpt_path: the checkpoint stands in the middle of an epoch whose batches would be different: "
        f"{changes}. Set it back, or take a checkpoint from an epoch's end, or its weights alone "
        f"(only_weights_load: true)"
    )


def _shown(value: object) -> str:
    return "null" if value is None else str(value)


def epoch_to_come(trainer: Trainer) -> int:
    """Return the next epoch; ``current_epoch`` is one behind after a stop at the end of an epoch."""
    return int(trainer.fit_loop.epoch_progress.current.processed)  # type: ignore[attr-defined]


def trained_batches(trainer: Trainer) -> int:
    """Return how many batches of the next epoch were trained on before the run was stopped in it."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    current: Any = progress.current
    return batches_done(current.processed, current.ready, is_last=progress.is_last_batch)


def has_several_epochs(trainer: Trainer, num_batches: int | None) -> bool:
    """Return whether a run may process a clip more than once; None means an unknown number of batches."""
    if trainer.max_epochs is not None and 0 <= trainer.max_epochs <= 1:
        return False
    callbacks: list[object] = trainer.callbacks  # type: ignore[attr-defined]
    changes = any(isinstance(callback, GradientAccumulationScheduler) for callback in callbacks)
    if trainer.max_steps < 0 or num_batches is None or changes:
        return True
    steps_per_epoch = math.ceil(num_batches / trainer.accumulate_grad_batches)
    return trainer.max_steps > steps_per_epoch
