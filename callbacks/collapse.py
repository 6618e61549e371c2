"""Detects runs that learn nothing: the model emits only blanks."""

import logging
from collections.abc import Iterable

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

log = logging.getLogger(__name__)

_LONGEST_WARM_UP = 0.5  # share of the run's steps


def warm_up_advice(schedulers: Iterable[object], num_steps: float) -> str:
    """Name a warm-up that takes most of the run; empty if there is none.

    >>> import torch
    >>> from optim.schedules import FAMScheduler
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], 0.1)
    >>> warm_up_advice([FAMScheduler(optimizer, warmup_steps=75, total_steps=750)], num_steps=69)
    'the warm-up takes 75 of 69 steps, so the learning rate stays low; set model.warmup_steps: 0.1'
    """
    for scheduler in schedulers:
        warm_up = getattr(scheduler, "warmup_steps", 0)
        if warm_up > _LONGEST_WARM_UP * num_steps:
            return (
                f"the warm-up takes {warm_up} of {num_steps:.0f} steps, so the learning rate stays low; "
                f"set model.warmup_steps: 0.1"
            )
    return ""


def blank_advice(model: object) -> str:
    """Return what to try, without what the configuration does already."""
    tries = ["a higher learning rate with a warm-up", "more steps"]
    if not getattr(getattr(model, "switches", None), "freeze_feature_extractor", True):
        tries.append("freeze_feature_extractor: true")
    if not getattr(model, "pretrained_name", None):
        tries.append("a pretrained encoder")
    return f"try {', '.join(tries[:-1])} or {tries[-1]}; it is common in the first few hundred steps"


class CollapseWatch(Callback):
    """Warns early when a model emits nothing but blanks.

    Args:
        blank_share: share of blank frames in validation above which the model counts as collapsed.
        patience: collapsed validations in a row before the warning.
    """

    def __init__(self, blank_share: float = 0.999, patience: int = 2) -> None:
        self.blank_share = blank_share
        self.patience = patience
        self._collapsed_validations = 0

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        share = trainer.callback_metrics.get("val_blank_share")
        if trainer.state.fn != "fit" or trainer.sanity_checking or share is None:
            return
        collapsed = float(share) >= self.blank_share
        self._collapsed_validations = self._collapsed_validations + 1 if collapsed else 0
        if self._collapsed_validations == self.patience and trainer.is_global_zero:
            schedulers = [config.scheduler for config in trainer.lr_scheduler_configs]
            advice = warm_up_advice(schedulers, trainer.estimated_stepping_batches) or blank_advice(pl_module)
            found = (100 * float(share), trainer.global_step, advice)
            log.warning("collapse: %.2f %% of the validation frames are blank after step %d; %s", *found)
