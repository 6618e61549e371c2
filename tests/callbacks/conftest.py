"""A Trainer over a model of one weight, for tests of callbacks."""

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader


class OneWeight(LightningModule):
    """Logs the metrics that it was built with."""

    def __init__(self, losses=None, blank_share=0.5, pers=(0.5,), val_losses=(1.0,)):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.losses = losses
        self.blank_share = blank_share
        self.pers = list(pers)
        self.val_losses = list(val_losses)

    def training_step(self, batch, batch_idx):
        scale = 1.0 if self.losses is None else self.losses[min(self.global_step, len(self.losses) - 1)]
        loss = (self.weight * scale).sum()
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        per = self.pers[min(self.current_epoch, len(self.pers) - 1)]
        loss = self.val_losses[min(self.current_epoch, len(self.val_losses) - 1)]
        self.log_dict({"val_loss": loss, "val_per": per, "val_cer": per, "val_blank_share": self.blank_share})
        self.log("val_utterances", 4.0)

    def test_step(self, batch, batch_idx):
        self.log_dict({"test_per": 0.125, "test_loss": 2.0, "test_utterances": 4.0})

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture
def one_weight():
    return OneWeight


@pytest.fixture
def train(tmp_path):
    """Fit a model under callbacks; returns the Trainer."""

    def train(model, *callbacks, ckpt_path=None, **arguments):
        loader = DataLoader(torch.zeros(4, 1), batch_size=1)
        trainer = Trainer(
            default_root_dir=tmp_path,
            accelerator="cpu",
            logger=False,
            callbacks=list(callbacks),
            enable_checkpointing=any(hasattr(callback, "best_model_path") for callback in callbacks),
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=1,
            **({"max_epochs": 1} | arguments),
        )
        trainer.fit(model, loader, loader, ckpt_path=ckpt_path)
        trainer.test_loader = loader
        return trainer

    return train
