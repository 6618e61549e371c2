"""Decode the scores of frames into tokens with their frames: the interface, and greedy decoding."""

from typing import Protocol

from torch import Tensor

from models.ctc.greedy import TimedToken, greedy_tokens


class Decoder(Protocol):
    """Decodes the segments of a recording one after another; ``previous`` are the tokens before a segment."""

    def __call__(self, log_probs: Tensor, previous: tuple[int, ...]) -> list[TimedToken]:
        """Decode scores, (F, V), into tokens; frames count from the first of the segment."""
        ...


class GreedyDecoder:
    """The best token of every frame, repeats merged, blanks dropped."""

    def __init__(self, blank_id: int) -> None:
        self.blank_id = blank_id

    def __call__(self, log_probs: Tensor, previous: tuple[int, ...] = ()) -> list[TimedToken]:
        """Decode scores, (F, V); the tokens before them do not matter."""
        return greedy_tokens(log_probs, self.blank_id)
