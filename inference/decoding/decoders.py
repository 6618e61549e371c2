"""Scores of frames → tokens and the frames that speak them."""

from typing import Protocol

from torch import Tensor

from models.ctc.greedy import TimedToken, greedy_tokens


class Decoder(Protocol):
    """Decodes the segments of one recording after another; a segment follows what was ``said`` before."""

    def __call__(self, log_probs: Tensor, said: tuple[int, ...]) -> list[TimedToken]:
        """The tokens of scores, (F, V), with frames counted from the segment's first."""
        ...


class GreedyDecoder:
    """The best token of every frame, repeats merged, blanks dropped."""

    def __init__(self, blank_id: int) -> None:
        self.blank_id = blank_id

    def __call__(self, log_probs: Tensor, said: tuple[int, ...] = ()) -> list[TimedToken]:
        """Decode; what was said before does not matter."""
        return greedy_tokens(log_probs, self.blank_id)
