"""The console's output: our own messages, and of the libraries' messages only the warnings."""

import io
import logging
import os
import sys
import warnings
from typing import TextIO

from tqdm import tqdm

from installation import PACKAGES
from untrusted.printing import printable_lines

_DEBUG_VARIABLE = "PHONEME_DEBUG"
_LIBRARIES = ("lightning.fabric", "lightning.pytorch", "huggingface_hub", "transformers")
# Warnings without a consequence for the user.
_IGNORED = (
    r".*does not have many workers.*",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
    r".*module\(s\) in eval mode at the start of training.*",  # the frozen ones
    r".*The number of training batches .* is smaller than the logging interval.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    r".*The dirpath has changed from .*",
    r".*You're resuming from a checkpoint that ended before the epoch ended.*",  # our sampler continues there
    r".*It is recommended to use `self\.log\('.*', \.\.\., sync_dist=True\)`.*",  # sums are gathered before
    r".*You are using a custom batch sampler .*",
    r".*Converting a tensor with requires_grad=True to a scalar.*",
)


class ConsoleHandler(logging.Handler):
    """Writes between the lines of a progress bar, to the current standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message."""
        tqdm.write(printable_lines(self.format(record), indent="  "), file=sys.stderr)


def set_up_logging(*, only_warnings: bool = False) -> None:
    """Set up logging and warnings for a command; a second call changes nothing.

    Args:
        only_warnings: whether this process leaves other messages to the first process of the run.
    """
    for names, level in ((PACKAGES, logging.INFO), (_LIBRARIES, logging.ERROR)):
        for name in names:
            logger = logging.getLogger(name)
            logger.setLevel(level)
            logger.handlers = [ConsoleHandler(logging.WARNING if only_warnings else logging.NOTSET)]
            logger.propagate = False
    # The reason why a run stopped early is shown.
    logging.getLogger("lightning.pytorch.callbacks.early_stopping").setLevel(logging.INFO)
    for message in _IGNORED:
        warnings.filterwarnings("ignore", message=message)
    warnings.showwarning = _show_warning
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # of a terminal without Unicode
            stream.reconfigure(errors="backslashreplace")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Write a warning of Python or of a library, which may quote names from data."""
    text = warnings.formatwarning(message, category, filename, lineno, line)
    (file or sys.stderr).write(f"{printable_lines(text.rstrip(), indent='  ')}\n")


def wants_tracebacks() -> bool:
    """Return whether the user asked for the tracebacks of failures."""
    return bool(os.environ.get(_DEBUG_VARIABLE))
