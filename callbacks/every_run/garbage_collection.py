"""Python's garbage collector, kept from walking through all libraries again and again while training."""

import gc

from lightning.pytorch import Callback, LightningModule, Trainer


class QuietCollector(Callback):
    """What is there when training starts stays: about a million objects that each collection would look at.

    Readers that are forked share these pages, too, for as long as nobody writes marks into them.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Clean up once, then look only at what comes later."""
        gc.collect()
        gc.freeze()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """As before."""
        gc.unfreeze()
