"""The numbers of a data module that no loader can work with; importing this costs nothing."""

import math


def check_loading(batch_size: int, num_proc: int, num_workers: int, worker_timeout: float | None) -> None:
    """Raise ``ValueError`` for a number out of range.

    >>> check_loading(0, 1, 0, None)
    Traceback (most recent call last):
    ValueError: data: batch_size must be at least 1, got 0
    """
    counts = {"batch_size": (batch_size, 1), "num_proc": (num_proc, 1), "num_workers": (num_workers, 0)}
    for name, (count, least) in counts.items():
        if count < least:
            raise ValueError(f"data: {name} must be at least {least}, got {count}")
    if worker_timeout is not None and not 0 < worker_timeout < math.inf:
        raise ValueError(
            f"data: worker_timeout must be a positive number of seconds or null, got {worker_timeout}"
        )
