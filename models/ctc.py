"""CTC: the loss, greedy decoding, and forced alignment of a given sequence with frames."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from dataset_modules.labels.encoder import frames_needed


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
    """Return how many real frames of the batch have the blank as their best token, and how many there are."""
    best = log_probs.argmax(dim=-1)  # (B, F)
    real = torch.arange(best.shape[1], device=best.device) < frame_lengths[:, None].to(best.device)
    return int(((best == blank_id) & real).sum()), int(real.sum())


class TimedToken(NamedTuple):
    """A token, the frames that emit it, and the geometric mean of its probability over them."""

    token_id: int
    start_frame: int
    end_frame: int  # exclusive
    confidence: float  # 0…1

    def later(self, num_frames: int) -> "TimedToken":
        """Return the same token in a recording that begins so many frames earlier."""
        start, end = self.start_frame + num_frames, self.end_frame + num_frames
        return self._replace(start_frame=start, end_frame=end)

    def continued(self, rest: "TimedToken") -> "TimedToken":
        """Return the token with further frames; both parts count by their frames."""
        own, more = self.end_frame - self.start_frame, rest.end_frame - rest.start_frame
        share = own / (own + more)
        return self._replace(
            end_frame=rest.end_frame, confidence=self.confidence**share * rest.confidence ** (1 - share)
        )


def greedy_tokens(log_probs: Tensor, blank_id: int) -> list[TimedToken]:
    """Return the tokens of one utterance's frame scores, (F, V), with their frames, decoded greedily.

    >>> speech = torch.tensor([[0.1, 0.9], [0.6, 0.4], [0.2, 0.8], [0.2, 0.8]]).log()
    >>> [tuple(token)[:3] for token in greedy_tokens(speech, blank_id=0)]
    [(1, 0, 1), (1, 2, 4)]
    """
    scores, best = log_probs.detach().float().cpu().max(dim=-1)  # (F,)
    ids, counts = torch.unique_consecutive(best, return_counts=True)
    ends = counts.cumsum(0)
    sums = torch.cat([scores.new_zeros(1).double(), scores.double().cumsum(0)])
    means = ((sums[ends] - sums[ends - counts]) / counts).exp().clamp(max=1.0)
    runs = zip(ids.tolist(), (ends - counts).tolist(), ends.tolist(), means.tolist(), strict=True)
    return [TimedToken(*run) for run in runs if run[0] != blank_id]


class AlignmentError(ValueError):
    """A sequence does not fit these frames; the message gives the reason."""


def force_align(
    log_probs: Tensor,  # (F, V)
    labels: Sequence[int],
    blank_id: int,
) -> list[TimedToken]:
    """Lay labels over frames along the most probable path; one token a label, in order.

    Blanks between the frames of two tokens belong to none. No labels give no tokens.
    ``AlignmentError`` where the frames are too few, or a label is the blank or outside the vocabulary.

    >>> speech = torch.tensor([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.2, 0.2, 0.6]])
    >>> [tuple(token)[:3] for token in force_align(speech.log(), [1, 2], blank_id=0)]
    [(1, 0, 1), (2, 2, 4)]
    """
    _check(log_probs, labels, blank_id)
    if not labels:
        return []
    from torchaudio.functional import forced_align, merge_tokens  # here, because training does without it

    emission = log_probs.detach().float().cpu()
    # The library aligns one utterance at a time.
    path, scores = forced_align(emission[None], torch.tensor([list(labels)]), blank=blank_id)
    spans = merge_tokens(path[0], scores[0], blank=blank_id)
    return [TimedToken(span.token, span.start, span.end, math.exp(min(span.score, 0.0))) for span in spans]


def _check(log_probs: Tensor, labels: Sequence[int], blank_id: int) -> None:
    num_frames, size = log_probs.shape
    wrong = sorted({label for label in labels if label == blank_id or not 0 <= label < size})
    if wrong:
        raise AlignmentError(
            f"align: labels must be ids below {size} and not the blank ({blank_id}), got {wrong}"
        )
    if log_probs.isnan().any():
        raise AlignmentError("align: scores must be numbers, some are NaN")
    if num_frames < frames_needed(labels):
        raise AlignmentError(
            f"align: {len(labels)} labels need {frames_needed(labels)} frames (a blank between repeats), "
            f"there are {num_frames}"
        )
