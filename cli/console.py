"""What the console shows: our own messages as they are, the libraries' small talk not at all."""

import logging
import warnings

_OWN = ("callbacks", "cli", "dataset_modules", "models", "optim", "phonetics", "tuning")
# Warnings that are no news to a user who did nothing wrong.
_NO_NEWS = (
    r".*does not have many workers.*",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
    r".*The number of training batches .* is smaller than the logging interval.*",
    r".*Starting from v1\.9\.0, `tensorboardX` has been removed.*",
)


def quieten() -> None:
    """Set up logging and warnings for a command."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    for name in _OWN:
        own = logging.getLogger(name)
        own.setLevel(logging.INFO)
        own.addHandler(handler)
        own.propagate = False
    for message in _NO_NEWS:
        warnings.filterwarnings("ignore", message=message)
