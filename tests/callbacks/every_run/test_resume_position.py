"""Loops resume exactly, also where training counts steps alone."""

import logging

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.demos.boring_classes import BoringModel

from callbacks.every_run.resume_position import ResumePosition


class Counting(BoringModel):
    """Counts the batches of each validation."""

    def __init__(self):
        super().__init__()
        self.counts = []

    def on_validation_epoch_start(self):
        self.counts.append(0)

    def validation_step(self, batch, batch_idx):
        self.counts[-1] += 1
        return super().validation_step(batch, batch_idx)


@pytest.fixture
def trainer(tmp_path):
    """Makes Trainers of four batches an epoch under the callback."""

    def make(**arguments):
        return Trainer(
            accelerator="cpu",
            limit_train_batches=4,
            callbacks=[ResumePosition()],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
            **arguments,
        )

    return make


@pytest.mark.parametrize("max_epochs", [-1, 3])
@pytest.mark.parametrize("interval", [1.0, 2])
def test_every_validation_is_whole(trainer, max_epochs, interval):
    model = Counting()
    trainer(
        max_epochs=max_epochs,
        max_steps=12,
        limit_val_batches=3,
        val_check_interval=interval,
        num_sanity_val_steps=2,
        enable_checkpointing=False,
    ).fit(model)
    assert model.counts == [2] + [3] * (3 if interval == 1.0 else 6)


def test_a_resumed_run_logs_its_position(trainer, tmp_path, caplog):
    def fit(max_epochs, checkpoint=None):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            trainer(max_epochs=max_epochs, limit_val_batches=0).fit(BoringModel(), ckpt_path=checkpoint)
        return [
            record.message
            for record in caplog.records
            if record.name == "callbacks.every_run.resume_position"
        ]

    assert fit(2) == []
    (checkpoint,) = (tmp_path / "checkpoints").glob("*.ckpt")
    assert fit(3, checkpoint) == ["resuming after step 8: epoch 2, 0 of its batches are done"]
    assert fit(2, checkpoint) == ["nothing is left to train after step 8"]
