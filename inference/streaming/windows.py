"""Long recordings in windows that overlap, and the scores of windows joined where no seam can be heard."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

_EDGE_SHARE = (
    0.25  # of an overlap, at either end: there one of the windows knows too little of what is around
)


class Window(NamedTuple):
    """A stretch of a recording's frames."""

    start_frame: int
    end_frame: int  # exclusive


class Segment(NamedTuple):
    """Scores that are final, (F, V), and where their first frame lies."""

    start_frame: int
    log_probs: Tensor


def plan_windows(num_frames: int, size: int, overlap: int) -> list[Window]:
    """Cover a recording with windows of one size that overlap by as much as asked, or more.

    >>> [tuple(window) for window in plan_windows(25, size=10, overlap=2)]
    [(0, 10), (7, 17), (15, 25)]
    """
    if not 0 <= overlap < size:
        raise ValueError(f"windows: they must be longer than their overlap, got {size} and {overlap} frames")
    if num_frames <= size:
        return [Window(0, num_frames)]
    count = -(-(num_frames - overlap) // (size - overlap))
    starts = [number * (num_frames - size) // (count - 1) for number in range(count)]
    return [Window(start, start + size) for start in starts]


def seam(left: Tensor, right: Tensor, blank_id: int) -> int:
    """How many frames of an overlap the left window speaks for; the right one speaks for the rest.

    Both windows have scores for the overlap, (F, V). Their seam lies behind the frame that both hold most
    surely for a blank: there no token goes on, so that none is cut, lost or said twice.
    """
    size = len(left)
    margin = int(size * _EDGE_SHARE)
    both = (left[:, blank_id] + right[:, blank_id])[margin : size - margin]
    return margin + int(both.argmax()) + 1 if len(both) else size // 2


class WindowJoiner:
    """Takes the scores of one recording's windows in order, gives them back without what was heard twice."""

    def __init__(self, blank_id: int) -> None:
        self._blank_id = blank_id
        self._start = 0
        self._pending: Tensor | None = None  # from ``_start`` to the end of the last window

    def add(self, window: Window, log_probs: Tensor) -> Iterator[Segment]:
        """The scores that a further window makes final."""
        if self._pending is not None:
            end = self._start + len(self._pending)
            overlap = end - window.start_frame
            cut = seam(self._pending[-overlap:], log_probs[:overlap], self._blank_id) if overlap else 0
            yield Segment(self._start, self._pending[: len(self._pending) - overlap + cut])
            self._start, self._pending = window.start_frame + cut, log_probs[cut:]
        else:
            self._start, self._pending = window.start_frame, log_probs

    def finish(self) -> Iterator[Segment]:
        """What is left behind the last seam."""
        if self._pending is not None and len(self._pending):
            yield Segment(self._start, self._pending)
        self._pending = None


def joined(segments: list[Segment]) -> Tensor:
    """The scores of a whole recording, (F, V)."""
    return torch.cat([segment.log_probs for segment in segments])
