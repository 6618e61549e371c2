"""The refresh interval of progress bars: long if the output is a file."""

from typing import TextIO, TypedDict

LOG_SECONDS = 30.0  # between two lines of a bar in a log file
_TERMINAL_SECONDS, _TERMINAL_MAX_SECONDS = 0.1, 10.0  # tqdm's defaults


class Refreshing(TypedDict):
    """Arguments of ``tqdm``."""

    mininterval: float
    maxinterval: float


def refreshing(stream: TextIO | None) -> Refreshing:
    """Return arguments of ``tqdm``; short intervals would write thousands of lines to a log file.

    >>> import io
    >>> refreshing(io.StringIO())
    {'mininterval': 30.0, 'maxinterval': 30.0}
    """
    if is_terminal(stream):
        return Refreshing(mininterval=_TERMINAL_SECONDS, maxinterval=_TERMINAL_MAX_SECONDS)
    return Refreshing(mininterval=LOG_SECONDS, maxinterval=LOG_SECONDS)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal; without a console the stream is None."""
    return stream is not None and stream.isatty()
