"""What the command line hands to a search."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class SearchRequest(NamedTuple):
    """A configuration whose ``optuna.tune`` is true.

    Args:
        config: all of it, defaults included.
        accepts: raises ``ConfigError`` for what is no configuration; it looks at keys and types.
        figures: what training logs, and a trial can be judged by.
    """

    config: dict[str, Any]
    accepts: Callable[[dict[str, Any]], object]
    figures: Sequence[str]


StartSearch = Callable[[SearchRequest], int]  # returns the exit status
