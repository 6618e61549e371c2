"""Scores of frames → tokens and the frames that speak them."""

from typing import Protocol

import torch
from torch import Tensor

from inference.transcript import HeardToken


class Decoder(Protocol):
    """Decodes the segments of one recording after another; a segment follows what was ``said`` before."""

    def __call__(self, log_probs: Tensor, said: tuple[int, ...]) -> list[HeardToken]:
        """The tokens of scores, (F, V), with frames counted from the segment's first."""
        ...


class GreedyDecoder:
    """The best token of every frame, repeats merged, blanks dropped."""

    def __init__(self, blank_id: int) -> None:
        self.blank_id = blank_id

    def __call__(self, log_probs: Tensor, said: tuple[int, ...] = ()) -> list[HeardToken]:
        """Decode; what was said before does not matter."""
        best, ids = log_probs.max(dim=-1)
        tokens, counts = torch.unique_consecutive(ids, return_counts=True)
        ends = counts.cumsum(0)
        sums = torch.cat([best.new_zeros(1).double(), best.double().cumsum(0)])
        means = ((sums[ends] - sums[ends - counts]) / counts).exp()
        runs = zip(tokens.tolist(), (ends - counts).tolist(), ends.tolist(), means.tolist(), strict=True)
        return [HeardToken(*run) for run in runs if run[0] != self.blank_id]
