"""What a place within an epoch depends on: elsewhere the same number of batches means other clips."""

import math
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler

_KEYS = {
    "seed": "seed_everything or data.seed",
    "batch_size": "data.batch_size",
    "max_batch_seconds": "data.max_batch_seconds",
    "world_size": "the number of processes (trainer.devices times trainer.num_nodes)",
    "accumulate_grad_batches": "trainer.accumulate_grad_batches",
    "data": "the recordings of the training split",
    "batch_seconds": "the seconds of recordings in a batch (max_batch_seconds over what the slowest speed in "
    "data.augmentations makes of it)",
}


class PlaceError(ValueError):
    """A checkpoint stands in the middle of an epoch that is another one now."""


def is_mid_epoch(checkpoint: Mapping[str, Any]) -> bool:
    """Whether a checkpoint was written with batches of its epoch left to train on.

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
    """How many batches of an epoch were trained on when it was left in its middle; none of a finished one.

    Args:
        processed: batches trained on; a checkpoint written as a batch ended counts it here, and only later
            as completed.
        ready: batches that were fetched.
        is_last: whether the last one fetched was the epoch's last.

    >>> batches_done(3, 4, is_last=True), batches_done(4, 4, is_last=True)
    (3, 0)
    """
    return 0 if is_last and processed == ready else processed


def check_place(stored: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on in mid-epoch where the order of batches would be another one.

    Args:
        stored: what the checkpoint says of its place; of an older one nothing.
        now: what holds today, as far as it is known.
    """
    different = [key for key in _KEYS if key in stored and key in now and stored[key] != now[key]]
    if not different:
        return
    changes = "; ".join(_change(key, stored[key], now[key]) for key in different)
    raise PlaceError(
        f"ckpt_path: the checkpoint stands in the middle of an epoch whose batches would be other ones: "
        f"{changes}. Set it back, or take a checkpoint from an epoch's end, or its weights alone "
        f"(only_weights_load: true)"
    )


def _change(key: str, then: object, today: object) -> str:
    """One difference; fingerprints say nothing to people."""
    if key == "data":
        return f"{_KEYS[key]} have changed"
    return f"{_KEYS[key]} was {_shown(then)}, is {_shown(today)}"


def _shown(value: object) -> str:
    return "null" if value is None else str(value)


def epoch_to_come(trainer: Trainer) -> int:
    """The epoch whose batches come next; ``current_epoch`` lags behind after a stop at an epoch's end."""
    return int(trainer.fit_loop.epoch_progress.current.processed)  # type: ignore[attr-defined]


def hears_clips_again(trainer: Trainer, batches: int | None) -> bool:
    """Whether a run is to hear each clip more than once, as far as is known before it.

    Args:
        trainer: of the run.
        batches: of an epoch; None where that is not known.
    """
    if trainer.max_epochs is not None and 0 <= trainer.max_epochs <= 1:
        return False
    callbacks: list[object] = trainer.callbacks  # type: ignore[attr-defined]
    changes = any(isinstance(callback, GradientAccumulationScheduler) for callback in callbacks)
    if trainer.max_steps < 0 or batches is None or changes:
        return True
    return trainer.max_steps > math.ceil(batches / trainer.accumulate_grad_batches)  # steps of an epoch


def trained_batches(trainer: Trainer) -> int:
    """How many batches of the epoch to come were trained on before the run was stopped in its middle."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    current: Any = progress.current
    return batches_done(current.processed, current.ready, is_last=progress.is_last_batch)
