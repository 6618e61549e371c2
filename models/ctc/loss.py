"""The CTC loss of each utterance, comparable between utterances of any length."""

import torch
from torch import Tensor
from torch.nn import functional as F


def ctc_losses(
    log_probs: Tensor, frame_lengths: Tensor, labels: Tensor, label_lengths: Tensor, blank_id: int
) -> Tensor:
    """Loss of each utterance divided by its label length, (B,).

    ``log_probs`` is (B, F, V). Both lengths, (B,), best lie on the host: torch's loss reads them there.
    An utterance whose frames cannot hold its labels counts zero instead of making the whole batch infinite.
    """
    losses = F.ctc_loss(
        log_probs.transpose(0, 1).float(),
        labels,
        frame_lengths,
        label_lengths,
        blank=blank_id,
        reduction="none",
        zero_infinity=True,
    )
    return losses / torch.clamp(label_lengths, min=1).to(losses.device, non_blocking=True)
