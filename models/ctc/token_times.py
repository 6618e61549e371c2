"""When each token of an utterance is heard: its frames, and how sure the model is of it."""

from typing import NamedTuple

import torch
from torch import Tensor


class HeardToken(NamedTuple):
    """A token, the frames that speak it, and the geometric mean of its probability over them."""

    token_id: int
    start_frame: int
    end_frame: int  # exclusive
    confidence: float  # 0…1

    def later(self, num_frames: int) -> "HeardToken":
        """The same token in a recording that begins so many frames earlier."""
        start, end = self.start_frame + num_frames, self.end_frame + num_frames
        return self._replace(start_frame=start, end_frame=end)

    def continued(self, rest: "HeardToken") -> "HeardToken":
        """The token with more frames behind its own; both parts count by their frames."""
        own, more = self.end_frame - self.start_frame, rest.end_frame - rest.start_frame
        share = own / (own + more)
        return self._replace(
            end_frame=rest.end_frame,
            confidence=self.confidence**share * rest.confidence ** (1 - share),
        )


def greedy_tokens(log_probs: Tensor, blank_id: int) -> list[HeardToken]:
    """The tokens of one utterance's frame scores, (F, V), as ``greedy_decode`` reads them, with their frames.

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
    return [HeardToken(*run) for run in runs if run[0] != blank_id]
