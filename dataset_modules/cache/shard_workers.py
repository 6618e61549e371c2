"""Processes that prepare shards; they receive a few tasks at a time and end with their parent."""

import gc
import itertools
import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

_WAITING_PER_PROCESS = 2  # tasks submitted ahead; memory does not grow with the others
_WATCH_SECONDS = 0.3


def run_in_processes(
    work: Callable[[_Task], _Result], tasks: Iterator[_Task], num_proc: int
) -> Iterator[_Result]:
    """Yield the results of tasks in their order; one process means this process."""
    if num_proc <= 1:
        yield from map(work, tasks)
        return
    gc.freeze()  # garbage collection would copy every page that the processes share
    # Forked, because a new process would have to import torch.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(num_proc, context, initializer=_begin, initargs=(os.getpid(), work)) as pool:
        waiting = deque(
            pool.submit(_run, task) for task in itertools.islice(tasks, num_proc * _WAITING_PER_PROCESS)
        )
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(_run, task) for task in itertools.islice(tasks, 1))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            gc.unfreeze()


_inherited: list[Callable[[Any], Any]] = []  # in a pool process: its work with everything it has cached


def _run(task: _Task) -> Any:  # noqa: ANN401 - the type of the work's result
    """Run the inherited work; if it was pickled with every task, it would lose its caches."""
    return _inherited[0](task)


def _begin(parent: int, work: Callable[[Any], Any]) -> None:
    _inherited[:] = [work]
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process if the parent was killed, because it inherited the parent's file lock."""
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)
