"""The loss against torch's own mean, and where it could be infinite."""

import pytest
import torch

from models.ctc.loss import ctc_losses


def test_the_mean_is_torchs_mean():
    torch.manual_seed(0)
    log_probs = torch.randn(2, 12, 5).log_softmax(-1)
    labels, frames, lengths = (
        torch.tensor([[1, 2, 3], [4, 4, 0]]),
        torch.tensor([12, 9]),
        torch.tensor([3, 2]),
    )
    expected = torch.nn.CTCLoss(blank=0)(log_probs.transpose(0, 1), labels, frames, lengths)
    assert float(ctc_losses(log_probs, frames, labels, lengths, 0).mean()) == pytest.approx(
        float(expected), rel=1e-6
    )


def test_labels_that_do_not_fit_count_zero():
    log_probs = torch.randn(1, 3, 5).log_softmax(-1)
    losses = ctc_losses(log_probs, torch.tensor([3]), torch.tensor([[1, 1, 1]]), torch.tensor([3]), 0)
    assert losses.tolist() == [0.0]
