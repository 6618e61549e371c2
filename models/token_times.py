"""When greedy decoding hears each token: its frames, and how sure the model is of it."""

from typing import NamedTuple

import torch
from torch import Tensor


class HeardToken(NamedTuple):
    """A token of the greedy reading; its confidence is its mean probability over its frames."""

    id: int
    start_frame: int
    end_frame: int  # exclusive
    confidence: float  # 0…1


def greedy_tokens(log_probs: Tensor, blank_id: int) -> list[HeardToken]:
    """The tokens of one utterance's frame scores, (F, V), as ``greedy_decode`` reads them, with their frames.

    >>> speech = torch.tensor([[0.1, 0.9], [0.3, 0.7], [0.8, 0.2], [0.4, 0.6]]).log()
    >>> [(token.id, token.start_frame, token.end_frame) for token in greedy_tokens(speech, blank_id=0)]
    [(1, 0, 2), (1, 3, 4)]
    """
    scores, best = log_probs.detach().float().cpu().max(dim=-1)  # (F,)
    ids, counts = torch.unique_consecutive(best, return_counts=True)
    ends = counts.cumsum(0).tolist()
    tokens = []
    for token, end, count in zip(ids.tolist(), ends, counts.tolist(), strict=True):
        if token != blank_id:
            sure = float(scores[end - count : end].exp().mean())
            tokens.append(HeardToken(token, end - count, end, min(1.0, sure)))
    return tokens
