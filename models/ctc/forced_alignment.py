"""Frames ↔ tokens: where in an utterance each token of a given sequence lies, by the best CTC path."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, tensor

from dataset_modules.labels.encoder import frames_needed


class AlignmentError(ValueError):
    """A sequence does not fit these frames; the message gives the reason."""


class AlignedToken(NamedTuple):
    """The frames of a token; its confidence is the geometric mean of its probability over its frames."""

    start_frame: int
    end_frame: int  # exclusive
    confidence: float  # 0…1


def force_align(
    log_probs: Tensor,  # (F, V)
    labels: Sequence[int],
    blank_id: int,
) -> list[AlignedToken]:
    """Lay labels over frames along the most probable path; one span a label, in order.

    Spans hold the frames that emit the token: blanks between belong to none. No labels give no spans.
    ``AlignmentError`` where the frames are too few, or a label is the blank or outside the vocabulary.

    >>> import torch
    >>> speech = torch.tensor([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.2, 0.2, 0.6]])
    >>> [span[:2] for span in force_align(speech.log(), [1, 2], blank_id=0)]
    [(0, 1), (2, 4)]
    """
    _check(log_probs, labels, blank_id)
    if not labels:
        return []
    from torchaudio.functional import forced_align, merge_tokens  # here, because training does without it

    emission = log_probs.detach().float().cpu()
    # The library aligns one utterance at a time.
    path, scores = forced_align(emission[None], tensor([list(labels)]), blank=blank_id)
    spans = merge_tokens(path[0], scores[0], blank=blank_id)
    return [AlignedToken(span.start, span.end, math.exp(min(span.score, 0.0))) for span in spans]


def _check(log_probs: Tensor, labels: Sequence[int], blank_id: int) -> None:
    num_frames, size = log_probs.shape
    wrong = sorted({label for label in labels if label == blank_id or not 0 <= label < size})
    if wrong:
        raise AlignmentError(
            f"align: labels must be ids below {size} and not the blank ({blank_id}), got {wrong}"
        )
    if num_frames < frames_needed(labels):
        raise AlignmentError(
            f"align: {len(labels)} labels need {frames_needed(labels)} frames (a blank between repeats), "
            f"there are {num_frames}"
        )
