"""Global random generators as functions of (seed, epoch, index), for transforms that draw from them."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch.utils.data import get_worker_info

# Exchanging NumPy's generator takes a twentieth of the time that reading and writing its state takes.
_NUMPY_GENERATOR = np.random.MT19937(0)
_KEEPERS: list[None] = []  # one while states are kept, so that within a batch each clip only seeds


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Whatever is drawn within it, global random states of Python, NumPy and torch are as before after it.

    In a process that only reads clips nobody else draws, and nothing is put back. What NumPy holds back
    of a pair of Gaussians is lost.
    """
    if _KEEPERS or get_worker_info() is not None:
        yield
        return
    python_state, torch_state = random.getstate(), torch.get_rng_state()
    numpy_generator = np.random.get_bit_generator()  # type: ignore[attr-defined]
    np.random.set_bit_generator(_NUMPY_GENERATOR)  # type: ignore[attr-defined]
    _KEEPERS.append(None)
    try:
        yield
    finally:
        _KEEPERS.pop()
        random.setstate(python_state)
        np.random.set_bit_generator(numpy_generator)  # type: ignore[attr-defined]
        torch.set_rng_state(torch_state)


@contextmanager
def seeded(seed: int, epoch: int, index: int) -> Iterator[None]:
    """Within it, global draws of Python, NumPy and torch are a function of the numbers; then as before.

    audiomentations draws from the first two, users' transforms may draw from torch.
    """
    with kept_random_state():
        seed_draws(seed, epoch, index)
        yield


def seed_draws(seed: int, epoch: int, index: int) -> None:
    """What is drawn from here on is a function of the numbers; for use within ``kept_random_state``."""
    digest = hashlib.blake2b(f"{seed}|{epoch}|{index}".encode(), digest_size=4).digest()
    value = int.from_bytes(digest)
    random.seed(value)
    np.random.seed(value)
    # The processor's generator alone: torch.manual_seed would reset those of devices, too.
    torch.default_generator.manual_seed(value)
