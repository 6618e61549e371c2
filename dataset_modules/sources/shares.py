"""Choosing a share of things by their names, so that the choice outlives reordering and additions."""

import hashlib

_RANGE = 2**64


def stable_fraction(key: str) -> float:
    """A number in [0, 1) that depends on the key alone, evenly spread over keys.

    >>> stable_fraction("speaker 1") == stable_fraction("speaker 1") != stable_fraction("speaker 2")
    True
    """
    number = int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()[:8], "big")
    return min(number / _RANGE, 1 - 2**-53)  # the largest numbers would be rounded up to 1


def in_share(key: str, share: float) -> bool:
    """Whether a key belongs to a share of all keys; a larger share holds all of a smaller one.

    >>> in_share("clip", 0.0), in_share("clip", 1.0)
    (False, True)
    """
    return stable_fraction(key) < share


def check_share(owner: str, **shares: float) -> None:
    """Refuse what is not a share.

    >>> check_share("CustomAudioDataset", validation_split=1.5)
    Traceback (most recent call last):
    ValueError: CustomAudioDataset: validation_split must be in 0…1, got 1.5
    """
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"{owner}: {name} must be in 0…1, got {share}")
