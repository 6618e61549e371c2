"""How batches are counted before Lightning counts them."""

from types import SimpleNamespace

import pytest

from cli.epoch_length import EpochLength
from cli.errors import ConfigError


def _trainer(interval, *, batches=10, limit=1.0, every=1):
    return SimpleNamespace(
        datamodule=SimpleNamespace(num_train_batches=lambda: batches),
        val_check_interval=interval,
        limit_train_batches=limit,
        check_val_every_n_epoch=every,
    )


@pytest.mark.parametrize(
    "trainer",
    [
        _trainer(10),
        _trainer(1.0),
        _trainer(0.01),
        _trainer(4, limit=4),
        _trainer(5, limit=0.5),
        _trainer(11, every=None),  # batches are counted over epochs
        _trainer(11, batches=None),  # a device is still to be asked what it holds
    ],
)
def test_what_an_epoch_holds_is_accepted(trainer):
    EpochLength().setup(trainer, None, "fit")


@pytest.mark.parametrize(
    ("trainer", "batches"), [(_trainer(11), 10), (_trainer(5, limit=4), 4), (_trainer(6, limit=0.5), 5)]
)
def test_what_it_does_not_hold_is_refused(trainer, batches):
    with pytest.raises(ConfigError, match=rf"at most the {batches} batches"):
        EpochLength().setup(trainer, None, "fit")
    EpochLength().setup(trainer, None, "validate")
