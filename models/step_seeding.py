"""Randomness of a training step as a function of (seed, epoch, batch, rank).

Dropout and masking then do not depend on what ran before, so that a resumed run repeats an
undisturbed one without any random state in the checkpoint.
"""

import hashlib
import random

import numpy as np
import torch


def step_seed(seed: int, epoch: int, batch_index: int, rank: int) -> int:
    """A seed of 32 bits, the same everywhere.

    >>> step_seed(1, 0, 0, 0) == step_seed(1, 0, 0, 0) != step_seed(1, 0, 1, 0)
    True
    """
    digest = hashlib.blake2b(f"{seed}|{epoch}|{batch_index}|{rank}".encode(), digest_size=4)
    return int.from_bytes(digest.digest())


def seed_step(seed: int, epoch: int, batch_index: int, rank: int) -> None:
    """Seed Python, NumPy (transformers masks with it) and torch on every device."""
    value = step_seed(seed, epoch, batch_index, rank)
    random.seed(value)
    np.random.seed(value)
    # Not torch.manual_seed: for devices that are not in use it keeps a traceback, at milliseconds a step.
    torch.default_generator.manual_seed(value)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(value)
    if torch.mps.is_available():
        torch.mps.manual_seed(value)
