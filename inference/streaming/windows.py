"""Split long recordings into overlapping windows, and join the scores of windows inside blanks."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor

_EDGE_SHARE = 0.25  # of an overlap, at either end, where one of the windows has too little context


class Window(NamedTuple):
    """A range of frames of a recording."""

    start_frame: int
    end_frame: int  # exclusive


class Segment(NamedTuple):
    """Final scores, (F, V), and the position of their first frame."""

    start_frame: int
    log_probs: Tensor


def plan_windows(num_frames: int, size: int, overlap: int) -> list[Window]:
    """Cover a recording with windows of one size that overlap by the given number of frames or more.

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
    """Choose how many frames of an overlap come from the left window; the rest come from the right one.

    Both windows have scores for the overlap, (F, V). Their seam follows the frame with the highest
    probability of a blank in both: no token spans it, so none is cut, lost or repeated.
    """
    size = len(left)
    margin = int(size * _EDGE_SHARE)
    both = (left[:, blank_id] + right[:, blank_id])[margin : size - margin]
    return margin + int(both.argmax()) + 1 if len(both) else size // 2


class WindowJoiner:
    """Joins the scores of the windows of a recording, in order, with each frame once."""

    def __init__(self, blank_id: int) -> None:
        self._blank_id = blank_id
        self._start = 0
        self._pending: Tensor | None = None  # from ``_start`` to the end of the last window

    def add(self, window: Window, log_probs: Tensor) -> Iterator[Segment]:
        """Yield the scores that a further window makes final."""
        if self._pending is not None:
            end = self._start + len(self._pending)
            overlap = end - window.start_frame
            cut = seam(self._pending[-overlap:], log_probs[:overlap], self._blank_id) if overlap else 0
            yield Segment(self._start, self._pending[: len(self._pending) - overlap + cut])
            self._start, self._pending = window.start_frame + cut, log_probs[cut:]
        else:
            self._start, self._pending = window.start_frame, log_probs

    def finish(self) -> Iterator[Segment]:
        """Yield the scores after the last seam."""
        if self._pending is not None and len(self._pending):
            yield Segment(self._start, self._pending)
        self._pending = None
