"""How often progress bars are drawn: seldom where nobody sees them move."""

from typing import TextIO, TypedDict

LOG_SECONDS = 30.0  # between two lines of a bar in a file
_TERMINAL_SECONDS, _TERMINAL_MAX_SECONDS = 0.1, 10.0  # tqdm's own


class Refreshing(TypedDict):
    """Arguments of ``tqdm``."""

    mininterval: float
    maxinterval: float


def refreshing(stream: TextIO | None) -> Refreshing:
    """Arguments for ``tqdm``: a file, as a batch system keeps it, would fill with thousands of lines.

    >>> import io
    >>> refreshing(io.StringIO())
    {'mininterval': 30.0, 'maxinterval': 30.0}
    """
    if is_terminal(stream):
        return Refreshing(mininterval=_TERMINAL_SECONDS, maxinterval=_TERMINAL_MAX_SECONDS)
    return Refreshing(mininterval=LOG_SECONDS, maxinterval=LOG_SECONDS)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sees a bar move there; without a console there is no stream."""
    return stream is not None and stream.isatty()
