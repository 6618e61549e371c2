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


@contextmanager
def seeded(seed: int, epoch: int, index: int) -> Iterator[None]:
    """Within it, global draws of Python, NumPy and torch are a function of the numbers; then as before.

    audiomentations draws from the first two, users' transforms may draw from torch. In a process that
    only reads clips nobody else draws, and nothing is put back. What NumPy holds back of a pair of
    Gaussians is lost. It cannot be nested.
    """
    digest = hashlib.blake2b(f"{seed}|{epoch}|{index}".encode(), digest_size=4).digest()
    value = int.from_bytes(digest)
    if get_worker_info() is not None:
        _seed(value)
        yield
        return
    python_state, torch_state = random.getstate(), torch.get_rng_state()
    numpy_generator = np.random.get_bit_generator()  # type: ignore[attr-defined]
    np.random.set_bit_generator(_NUMPY_GENERATOR)  # type: ignore[attr-defined]
    try:
        _seed(value)
        yield
    finally:
        random.setstate(python_state)
        np.random.set_bit_generator(numpy_generator)  # type: ignore[attr-defined]
        torch.set_rng_state(torch_state)


def _seed(value: int) -> None:
    random.seed(value)
    np.random.seed(value)
    # The processor's generator alone: torch.manual_seed would reset those of devices, too.
    torch.default_generator.manual_seed(value)
