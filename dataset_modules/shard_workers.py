"""Processes that prepare shards: fed a few at a time, and gone when the process that started them is."""

import contextlib
import ctypes
import gc
import itertools
import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_WAITING_PER_PROCESS = 2  # tasks handed out ahead; the rest stays where it is, and memory does not grow
_WATCH_SECONDS = 0.3
# glibc's names for what it does with memory that was freed (malloc.h).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES, _LARGEST_KEPT_BYTES = 256 << 20, 32 << 20  # the second is the most that glibc takes


def run_in_processes(
    work: Callable[[Task], Result], tasks: Iterator[Task], num_proc: int
) -> Iterator[Result]:
    """The results of tasks in their order; with one process, in this one."""
    if num_proc <= 1:
        yield from map(work, tasks)
        return
    gc.freeze()  # collecting garbage here or there would copy every page that the processes share
    # Forked, because starting afresh would pay for importing torch in every process.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(num_proc, context, initializer=_begin, initargs=(os.getpid(),)) as pool:
        waiting = deque(
            pool.submit(work, task) for task in itertools.islice(tasks, num_proc * _WAITING_PER_PROCESS)
        )
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(work, task) for task in itertools.islice(tasks, 1))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            gc.unfreeze()


def _begin(parent: int) -> None:
    _keep_freed_memory()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _keep_freed_memory() -> None:
    """Use memory again for the next clip: giving it back and taking it anew, page by page, costs time."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)


def _end_with(parent: int) -> None:
    """End when the parent was killed: it held a lock that this process inherited, and waits for no more."""
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)
