"""Refuses, as soon as the batches are counted, a configuration that needs more of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from dataset_modules.base_dataset import Split
from dataset_modules.batches.trainer_limits import limited
from experiment.errors import ConfigError

# The splits that a stage reads, with the Trainer's names; the best checkpoint of a training is tested, too.
_COUNTED: dict[str, dict[Split, str]] = {
    "fit": {"train": "train", "val": "val", "test": "test"},
    "validate": {"val": "val"},
    "test": {"test": "test"},
    "predict": {"test": "predict"},
}


class CountedBatches(Callback):
    """Checks before the first callback writes; Lightning would end in a traceback, or only epochs later."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Compare what the configuration needs with the numbers of batches."""
        count = getattr(trainer.datamodule, "num_batches", None)  # type: ignore[attr-defined]
        if count is None:
            return
        batches: dict[Split, int | None] = {split: count(split) for split in _COUNTED[stage]}
        plan = getattr(pl_module, "plan", None)
        for fault in faults_of(trainer, stage, batches, getattr(plan, "plateau_metric", None)):
            raise ConfigError(fault)


def faults_of(
    trainer: Trainer, stage: str, batches: Mapping[Split, int | None], plateau_metric: str | None = None
) -> Iterator[str]:
    """Yield what a run would fail at, in the order in which it would.

    ``batches`` is None for a split where a device must first report how much fits into its memory.
    """
    for split, word in _COUNTED[stage].items():
        if stage == "fit" and split == "test" and trainer.checkpoint_callback is None:
            continue  # there is no checkpoint that could be tested
        yield from _share_of_nothing(trainer, split, word, batches[split])
    if stage != "fit":
        return
    if batches["train"] is not None:
        yield from _too_long_interval(trainer, limited(batches["train"], trainer.limit_train_batches))
    if batches["val"] == 0:
        yield from _unfed_watchers(trainer, plateau_metric, "no recording of the val split can be used")
    elif not trainer.limit_val_batches:
        yield from _unfed_watchers(trainer, plateau_metric, "trainer.limit_val_batches is 0")


def _share_of_nothing(trainer: Trainer, split: Split, word: str, batches: int | None) -> Iterator[str]:
    """Report a limit that is a share, and leaves none of these few batches."""
    limit: Any = getattr(trainer, f"limit_{word}_batches")
    if not batches or not limit or limited(batches, limit):
        return
    overfits = trainer.overfit_batches and split != "test"  # type: ignore[attr-defined]
    key = "overfit_batches" if overfits else f"limit_{word}_batches"
    yield (
        f"trainer.{key}: must leave at least one batch, {limit} of the {batches} of the {split} split leaves "
        f"none; give a larger share, or a number of batches"
    )


def _too_long_interval(trainer: Trainer, batches: int) -> Iterator[str]:
    """Report validations after more batches than an epoch has, where the count restarts in every epoch."""
    interval = trainer.val_check_interval
    whole = isinstance(interval, int) and trainer.check_val_every_n_epoch is not None
    if whole and batches and trainer.limit_val_batches and interval > batches:
        yield (
            f"trainer.val_check_interval: must be at most the {batches} batches of an epoch, got {interval}; "
            f"with check_val_every_n_epoch: null it counts batches over epochs"
        )


def _unfed_watchers(trainer: Trainer, plateau_metric: str | None, because: str) -> Iterator[str]:
    watchers = watchers_of(trainer.callbacks, plateau_metric)  # type: ignore[attr-defined]
    if watchers:
        yield (
            f"{', '.join(watchers)} must watch a metric that exists, but {because}; "
            f"correct that, or leave them out"
        )


def watchers_of(callbacks: Sequence[object] | object | None, plateau_metric: str | None) -> list[str]:
    """Name the parts that stop training or change learning rates by a metric of validation."""
    given = callbacks if isinstance(callbacks, Sequence) else [callbacks]
    stopping = [one for one in given if isinstance(one, EarlyStopping) and one.strict]
    watchers = [type(one).__name__ for one in stopping if one.monitor.startswith("val_")]
    return [*watchers, "model.scheduler"] if (plateau_metric or "").startswith("val_") else watchers
