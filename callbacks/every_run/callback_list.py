"""The callbacks of every run, whatever callbacks its configuration names."""

import gc

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from callbacks.every_run.counted_batches import CountedBatches
from callbacks.every_run.divergence import DivergenceWatch
from callbacks.every_run.resume_position import ResumePosition
from callbacks.every_run.stopping import StopBetweenSteps


def callbacks_of_every_run() -> list[Callback]:
    """Return the callbacks that come first: CountedBatches checks before any other callback writes.

    UtteranceKeeper comes behind those of the configuration, so that the metrics are written before records.
    """
    position, divergence = ResumePosition(), DivergenceWatch()
    stopping = StopBetweenSteps(position, divergence)
    return [CountedBatches(), QuietCollector(), position, divergence, stopping]


class QuietCollector(Callback):
    """Keeps Python's garbage collector from examining about a million lasting objects in every collection.

    Forked workers share the memory of these objects as long as the collector does not write into it.
    """

    @override
    def on_train_start(self, *_: object) -> None:
        gc.collect()
        gc.freeze()

    @override
    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        gc.unfreeze()
