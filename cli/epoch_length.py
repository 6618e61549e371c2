"""Refuses, as soon as the data are counted, what an epoch is too short for."""

from lightning.pytorch import Callback, LightningModule, Trainer

from cli.errors import ConfigError


class EpochLength(Callback):
    """Speaks before the first callback writes anything; Lightning would end in a traceback."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Compare what is counted in batches with the batches that there are."""
        count_batches = getattr(trainer.datamodule, "num_train_batches", None)  # type: ignore[attr-defined]
        if stage != "fit" or count_batches is None:
            return
        batches = count_batches()
        if batches is not None:
            check_interval(trainer.val_check_interval, limited(batches, trainer.limit_train_batches), trainer)


def limited(batches: int, limit: float) -> int:
    """The batches of an epoch under ``limit_train_batches``: a number of them, or a share.

    >>> limited(40, 10), limited(40, 0.5), limited(40, 1.0)
    (10, 20, 40)
    """
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def check_interval(interval: object, batches: int, trainer: Trainer) -> None:
    """Refuse to validate after more batches than an epoch has, where every epoch counts anew."""
    if not isinstance(interval, int) or trainer.check_val_every_n_epoch is None or interval <= batches:
        return
    raise ConfigError(
        f"trainer.val_check_interval: must be at most the {batches} batches of an epoch, got {interval}; "
        f"with check_val_every_n_epoch: null it counts batches over epochs"
    )
