"""Batches are counted before Lightning counts them."""

from types import SimpleNamespace

import pytest
from lightning.pytorch.callbacks import EarlyStopping

from callbacks.every_run.counted_batches import CountedBatches
from experiment.errors import ConfigError

STOPPING = EarlyStopping(monitor="val_per")


def _trainer(interval=1.0, *, train=10, val=3, test=3, limit=1.0, every=1, **others):
    counts = {"train": train, "val": val, "test": test}
    settings = {
        "limit_val_batches": 1.0,
        "limit_test_batches": 1.0,
        "limit_predict_batches": 1.0,
        "overfit_batches": 0.0,
        "callbacks": [],
        "checkpoint_callback": object(),
    }
    return SimpleNamespace(
        datamodule=SimpleNamespace(num_batches=counts.__getitem__),
        val_check_interval=interval,
        limit_train_batches=limit,
        check_val_every_n_epoch=every,
        **(settings | others),
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
        _trainer(11, train=None),  # a device must first report how much it holds
        _trainer(11, limit_val_batches=0),
        _trainer(limit=0.1),
        _trainer(limit_val_batches=0.34, limit_test_batches=0.34),
        _trainer(limit_val_batches=0.2, val=0),  # nothing is validated
        _trainer(limit_test_batches=0.2, checkpoint_callback=None),  # nothing is tested
        _trainer(limit_val_batches=0.2, val=None),
        _trainer(val=0, callbacks=[EarlyStopping(monitor="train_loss")]),
        _trainer(val=0, callbacks=[EarlyStopping(monitor="val_per", strict=False)]),
        _trainer(callbacks=[STOPPING]),
    ],
)
def test_intervals_within_an_epoch_are_accepted(trainer):
    CountedBatches().setup(trainer, None, "fit")


@pytest.mark.parametrize(
    ("trainer", "batches"), [(_trainer(11), 10), (_trainer(5, limit=4), 4), (_trainer(6, limit=0.5), 5)]
)
def test_intervals_longer_than_an_epoch_are_refused(trainer, batches):
    with pytest.raises(ConfigError, match=rf"at most the {batches} batches"):
        CountedBatches().setup(trainer, None, "fit")
    CountedBatches().setup(trainer, None, "validate")


@pytest.mark.parametrize(
    ("trainer", "stages", "words"),
    [
        (_trainer(limit=0.09), ["fit"], "limit_train_batches: .* 0.09 of the 10 of the train split"),
        (
            _trainer(limit_val_batches=0.2),
            ["fit", "validate"],
            "limit_val_batches: .* 0.2 of the 3 of the val split",
        ),
        (_trainer(limit_test_batches=0.2), ["fit", "test"], "limit_test_batches: .* of the 3 of the test"),
        (_trainer(limit_predict_batches=0.2), ["predict"], "limit_predict_batches: .* of the 3 of the test"),
        (
            _trainer(limit=0.2, limit_val_batches=0.2, overfit_batches=0.2),
            ["fit", "validate"],
            "overfit_batches: .* of the 3 of the val split",
        ),
    ],
)
def test_a_share_of_too_few_batches_is_refused_where_they_are_read(trainer, stages, words):
    for stage in stages:
        with pytest.raises(ConfigError, match=rf"trainer\.{words}"):
            CountedBatches().setup(trainer, None, stage)
    for stage in {"fit", "validate", "test", "predict"} - set(stages):
        CountedBatches().setup(trainer, None, stage)


@pytest.mark.parametrize(
    ("trainer", "words"),
    [
        (_trainer(val=0, callbacks=[STOPPING]), "EarlyStopping .* no recording of the val split can be used"),
        (_trainer(limit_val_batches=0, callbacks=[STOPPING]), "EarlyStopping .*limit_val_batches is 0"),
    ],
)
def test_what_watches_validation_is_refused_where_nothing_is_validated(trainer, words):
    with pytest.raises(ConfigError, match=words):
        CountedBatches().setup(trainer, None, "fit")


def test_a_scheduler_that_watches_validation_is_named():
    model = SimpleNamespace(plan=SimpleNamespace(plateau_metric="val_per"))
    with pytest.raises(ConfigError, match=r"model\.scheduler must watch"):
        CountedBatches().setup(_trainer(val=0), model, "fit")
    CountedBatches().setup(_trainer(), model, "fit")
