"""What the console shows: our own messages as they are, of the libraries' the warnings alone."""

import logging
import sys
import warnings

from tqdm import tqdm

from cli.ranks import is_first

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

    Of several processes the first one tells what happens; the others say what is wrong with them.
    """

    def __init__(self) -> None:
        super().__init__(logging.NOTSET if is_first() else logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message."""
        tqdm.write(self.format(record), file=sys.stderr)


def quieten() -> None:
    """Set up logging and warnings for a command; calling it again changes nothing."""
    for names, level in ((_OWN, logging.INFO), (_LIBRARIES, logging.ERROR)):
        for name in names:
            logger = logging.getLogger(name)
            logger.setLevel(level)
            logger.handlers = [ConsoleHandler()]
            logger.propagate = False
    # Why a run stopped early is news.
    logging.getLogger("lightning.pytorch.callbacks.early_stopping").setLevel(logging.INFO)
    for message in _NO_NEWS:
        warnings.filterwarnings("ignore", message=message)
