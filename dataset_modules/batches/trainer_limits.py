"""How Lightning reads ``limit_*_batches``: an integer is a number of batches, a float is a share."""


def limited(batches: int, limit: float | None) -> int:
    """Return how many batches of an epoch are used; null means all.

    >>> limited(40, 10), limited(40, 0.5), limited(40, 1.0), limited(9, 0.2), limited(9, 40), limited(9, None)
    (10, 20, 40, 1, 9, 9)
    """
    if limit is None:
        return batches
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def is_whole_epoch(limit: float | None) -> bool:
    """Return whether a limit leaves out nothing, however many batches there are.

    >>> is_whole_epoch(1.0), is_whole_epoch(None), is_whole_epoch(1)
    (True, True, False)
    """
    return limit is None or (not isinstance(limit, int) and limit == 1.0)
