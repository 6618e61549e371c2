"""Frames → tokens: greedy CTC decoding."""

import torch
from torch import Tensor


def collapse(frame_ids: Tensor, blank_id: int) -> list[int]:
    """Merge repeats and drop blanks from the ids of one utterance's frames, (F,).

    >>> collapse(torch.tensor([0, 5, 5, 0, 5, 3]), blank_id=0)
    [5, 5, 3]
    """
    merged = torch.unique_consecutive(frame_ids)
    return merged[merged != blank_id].tolist()


def greedy_decode(log_probs: Tensor, frame_lengths: Tensor, blank_id: int) -> list[list[int]]:
    """Decode a batch of frame scores, (B, F, V), of which the first ``frame_lengths`` count."""
    best = log_probs.argmax(dim=-1).cpu()  # (B, F)
    lengths = frame_lengths.tolist()
    return [collapse(frames[:length], blank_id) for frames, length in zip(best, lengths, strict=True)]


def blank_share(log_probs: Tensor, frame_lengths: Tensor, blank_id: int) -> tuple[int, int]:
    """How many of the batch's real frames are best explained by the blank, and how many there are."""
    best = log_probs.argmax(dim=-1)  # (B, F)
    real = torch.arange(best.shape[1], device=best.device) < frame_lengths[:, None].to(best.device)
    return int(((best == blank_id) & real).sum()), int(real.sum())
