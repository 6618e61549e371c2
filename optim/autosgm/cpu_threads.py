"""Independent work on a processor, one tensor per thread.

Threads that take whole tensors meet once per step; torch's meet after every operation.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")

MAX_THREADS = 8  # more would wait for the interpreter
MIN_NUMEL = 2**20  # below this, starting threads costs more than they save


def for_each(work: Callable[[Item], None], items: Sequence[Item], numel: int) -> None:
    """Do the work on every item, on as many threads as torch uses where the number of elements pays."""
    num_threads = min(torch.get_num_threads(), MAX_THREADS)
    if num_threads == 1 or numel < MIN_NUMEL:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(num_threads) as pool:  # gradients are switched off per thread
        deque(pool.map(torch.no_grad()(work), items), maxlen=0)
