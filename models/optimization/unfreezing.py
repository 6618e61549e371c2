"""Unfreezing by schedule: a callback changes what trains."""

import logging
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.nn import Parameter
from typing_extensions import override

from models.network.trained_parts import frozen_below, part_at, trains_whole_encoder

log = logging.getLogger(__name__)


class Unfreezing(Callback):
    """Follows a schedule in training. The optimizer is built before, over everything that ever trains.

    Several processes agree at the start on what has gradients: there all of it has, and what does not train
    drops them before a step.

    Args:
        stages: step → part, the part that trains from this step on.
    """

    def __init__(self, stages: Mapping[int, str]) -> None:
        self._stages = stages
        self._part = ""  # none yet
        self._ever: list[Parameter] = []
        self._still: list[Parameter] = []  # what does not train now

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._part = ""
        self._ever = [value for value in pl_module.parameters() if value.requires_grad]

    @override
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        part = part_at(self._stages, trainer.global_step)
        if part != self._part:
            self._part = part
            self._enter(trainer, pl_module)

    def _enter(self, trainer: Trainer, module: Any) -> None:  # noqa: ANN401 - it has a network
        """Freeze and unfreeze; what does not train has no state in the optimizer, and so starts afresh."""
        module.frozen = frozen_below(module.network, self._part)
        module.train()
        still = {value for part in module.frozen for value in part.parameters()}
        if not trains_whole_encoder(self._part):
            still |= {*module.network.base_model.parameters(recurse=False)}  # the embedding of masks
        self._still = [value for value in self._ever if value in still]
        for value in self._ever:
            value.requires_grad_(trainer.world_size > 1 or value not in still)
        for optimizer in trainer.optimizers:
            for value in self._still:
                optimizer.state.pop(value, None)
        trained = sum(value.numel() for value in self._ever if value not in still)
        log.info("model: unfreeze: step %d, %s: %d numbers train", trainer.global_step, self._part, trained)

    @override
    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        for value in self._still:
            value.grad = None

    @override
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the model as it was built, for another run."""
        for value in self._ever:
            value.requires_grad_(True)
