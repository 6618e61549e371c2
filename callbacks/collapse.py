"""Detects runs that learn nothing: only blanks, or a loss that is not a number."""

import logging
import math
from collections.abc import Mapping

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

log = logging.getLogger(__name__)

NAN_ADVICE = (
    "try a lower learning rate, trainer.gradient_clip_val: 1.0, precision 32 or bf16-mixed "
    "instead of 16-mixed, and look for broken recordings"
)


def blank_advice(model: object) -> str:
    """Return what to try, without what the configuration does already."""
    tries = ["a higher learning rate with a warm-up", "more steps"]
    if not getattr(getattr(model, "switches", None), "freeze_feature_extractor", True):
        tries.append("freeze_feature_extractor: true")
    if not getattr(model, "pretrained_name", None):
        tries.append("a pretrained encoder")
    return f"try {', '.join(tries[:-1])} or {tries[-1]}; it is common in the first few hundred steps"


class DivergedError(RuntimeError):
    """Training cannot continue: the loss is not a number."""


class CollapseWatch(Callback):
    """Warns early when a model emits nothing but blanks, and ends a run whose loss is not a number.

    Args:
        blank_share: share of blank frames in validation above which the model counts as collapsed.
        patience: collapsed validations in a row before the warning, and logged losses in a row that are
            not a number before the run ends.
    """

    def __init__(self, blank_share: float = 0.999, patience: int = 2) -> None:
        self.blank_share = blank_share
        self.patience = patience
        self._collapsed_validations = 0
        self._bad_losses = 0

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

    def on_train_batch_end(self, trainer: Trainer, pl_module: object, outputs: object, *_: object) -> None:
        """Check the loss as often as it is logged: reading it costs a synchronisation."""
        if trainer.global_step % max(1, getattr(trainer, "log_every_n_steps", 1)):
            return
        loss = outputs["loss"] if isinstance(outputs, Mapping) else outputs
        finite = not isinstance(loss, torch.Tensor) or math.isfinite(float(loss))
        self._bad_losses = 0 if finite else self._bad_losses + 1
        if self._bad_losses == 1:
            log.warning("the loss is not a number at step %d; %s", trainer.global_step, NAN_ADVICE)
        if self._bad_losses >= self.patience:
            raise DivergedError(
                f"the loss has stopped being a number before step {trainer.global_step}; {NAN_ADVICE}"
            )
