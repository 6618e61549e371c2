"""Global random generators as functions of (seed, epoch, index), for transforms that draw from them."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info

# Exchanging NumPy's generator takes a twentieth of the time of reading and writing its state.
_NUMPY_GENERATOR = np.random.MT19937(0)
_KEEPERS: list[None] = []  # one entry while states are kept, so that each clip of a batch only seeds


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Restore the global random states of Python, NumPy and torch on exit.

    A reader process does not restore them, because nothing else draws there. The second number of a pair
    of Gaussians, which NumPy caches, is lost.
    """
    if _KEEPERS or get_worker_info() is not None:
        yield
        return
    python_state, torch_state = random.getstate(), torch.get_rng_state()
    numpy_random: Any = np.random  # types of NumPy before 2.5 lack these two functions
    numpy_generator = numpy_random.get_bit_generator()
    numpy_random.set_bit_generator(_NUMPY_GENERATOR)
    _KEEPERS.append(None)
    try:
        yield
    finally:
        _KEEPERS.pop()
        random.setstate(python_state)
        numpy_random.set_bit_generator(numpy_generator)
        torch.set_rng_state(torch_state)


@contextmanager
def seeded(seed: int, epoch: int, index: int) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and torch; restore their states on exit."""
    with kept_random_state():
        seed_draws(seed, epoch, index)
        yield


def seed_draws(seed: int, epoch: int, index: int) -> None:
    """Make the following draws a function of these numbers; call it within ``kept_random_state``."""
    digest = hashlib.blake2b(f"{seed}|{epoch}|{index}".encode(), digest_size=4).digest()
    value = int.from_bytes(digest)
    random.seed(value)
    np.random.seed(value)
    # Only the CPU generator: torch.manual_seed would also reset the generators of devices.
    torch.default_generator.manual_seed(value)
