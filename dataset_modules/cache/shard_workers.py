"""Processes that prepare shards: fed a few at a time, and gone when the process that started them is."""

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

Task = TypeVar("Task")
Result = TypeVar("Result")

_WAITING_PER_PROCESS = 2  # tasks handed out ahead; the rest stays where it is, and memory does not grow
_WATCH_SECONDS = 0.3


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


_inherited: list[Callable[[Any], Any]] = []  # in a process of the pool: its work, with all that it has learnt


def _run(task: Task) -> Any:  # noqa: ANN401 - whatever the work gives
    """Work is inherited by forking: pickled with every task, it would begin anew each time."""
    return _inherited[0](task)


def _begin(parent: int, work: Callable[[Any], Any]) -> None:
    _inherited[:] = [work]
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End when the parent was killed: it held a lock that this process inherited, and waits for no more."""
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)
