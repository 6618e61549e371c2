"""Independent work on a processor, one tensor per thread.

torch splits each operation over its threads, which must meet after every one: many short passes over what
fits a core's cache spend their time meeting. Threads that take whole tensors meet once per step.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")

MAX_THREADS = 8  # more would wait for the interpreter
MIN_NUMEL = 2**20  # below this, starting threads costs more than they save

# Below 2**15 elements torch runs an operation in one thread, and the operands of a step fit the cache.
PIECE_NUMEL = 2**15 - 2**6


def for_each(work: Callable[[Item], None], items: Sequence[Item], numel: int) -> None:
    """Do the work on every item, on as many threads as torch uses where the number of elements pays."""
    num_threads = min(torch.get_num_threads(), MAX_THREADS)
    if num_threads == 1 or numel < MIN_NUMEL or torch.compiler.is_compiling():
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(num_threads) as pool:  # gradients are switched off per thread
        deque(pool.map(torch.no_grad()(work), items), maxlen=0)
