"""Detects runs that learn nothing: the model emits only blanks."""

import logging

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

log = logging.getLogger(__name__)


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
            found = (100 * float(share), trainer.global_step, blank_advice(pl_module))
            log.warning("collapse: %.2f %% of the validation frames are blank after step %d; %s", *found)
