"""What the console shows: our own messages as they are, of the libraries' the warnings alone."""

import logging
import sys
import warnings

from tqdm import tqdm

_OWN = (
    "callbacks",
    "cli",
    "dataset_modules",
    "inference",
    "models",
    "optim",
    "phonetics",
    "reports",
    "tuning",
)
_LIBRARIES = ("lightning.fabric", "lightning.pytorch", "huggingface_hub", "transformers")
# Warnings that are no news to a user who did nothing wrong.
_NO_NEWS = (
    r".*does not have many workers.*",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
    r".*module\(s\) in eval mode at the start of training.*",  # the frozen ones
    r".*The number of training batches .* is smaller than the logging interval.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    r".*The dirpath has changed from .*",
    r".*You're resuming from a checkpoint that ended before the epoch ended.*",  # our sampler goes on there
    r".*It is recommended to use `self\.log\('.*', \.\.\., sync_dist=True\)`.*",  # sums are gathered before
    r".*You are using a custom batch sampler .*",
    r".*Converting a tensor with requires_grad=True to a scalar.*",
)


class ConsoleHandler(logging.Handler):
    """Writes between the lines of a progress bar, to whatever standard error is at the time.

    Args:
        tells_news: whether it says more than what is wrong.
    """

    def __init__(self, *, tells_news: bool = True) -> None:
        super().__init__(logging.NOTSET if tells_news else logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message."""
        tqdm.write(self.format(record), file=sys.stderr)


def quieten(*, tells_news: bool = True) -> None:
    """Set up logging and warnings for a command; calling it again changes nothing.

    Args:
        tells_news: whether this is the process that says what happens; of several in a run, one is enough.
    """
    for names, level in ((_OWN, logging.INFO), (_LIBRARIES, logging.ERROR)):
        for name in names:
            logger = logging.getLogger(name)
            logger.setLevel(level)
            logger.handlers = [ConsoleHandler(tells_news=tells_news)]
            logger.propagate = False
    # Why a run stopped early is news.
    logging.getLogger("lightning.pytorch.callbacks.early_stopping").setLevel(logging.INFO)
    for message in _NO_NEWS:
        warnings.filterwarnings("ignore", message=message)
