"""Frames → tokens: greedy CTC decoding."""

from typing import NamedTuple

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
            end_frame=rest.end_frame,
            confidence=self.confidence**share * rest.confidence ** (1 - share),
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
