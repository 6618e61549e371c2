import os
import signal
from collections.abc import Iterator

import pytest

from dataset_modules.cache.shard_workers import run_in_processes
from stop_signals import Stopped


def _square(number: int) -> tuple[int, int]:
    if number == 7:
        raise ValueError("seven")
    return number * number, os.getpid()


@pytest.mark.parametrize("num_proc", [1, 3])
def test_results_come_in_the_order_of_tasks(num_proc: int) -> None:
    results = list(run_in_processes(_square, iter([5, 1, 4, 2, 3, 0]), num_proc))
    assert [result for result, _ in results] == [25, 1, 16, 4, 9, 0]
    assert (os.getpid() in {process for _, process in results}) == (num_proc == 1)


def test_tasks_are_taken_as_they_are_needed() -> None:
    taken = []

    def tasks() -> Iterator[int]:
        for number in range(10, 100):
            taken.append(number)
            yield number

    results = run_in_processes(_square, tasks(), num_proc=2)
    next(results)
    assert len(taken) <= 5
    results.close()  # type: ignore[attr-defined]


def test_a_failure_in_a_process_is_raised_here() -> None:
    with pytest.raises(ValueError, match="seven"):
        list(run_in_processes(_square, iter(range(50)), num_proc=2))


def _stop(number: int) -> None:
    raise Stopped(number, "the cache is kept")


def test_a_signal_that_stops_a_process_stops_this_one() -> None:
    with pytest.raises(Stopped) as stop:
        list(run_in_processes(_stop, iter([signal.SIGTERM]), 2))
    assert (stop.value.code, stop.value.message) == (143, "stopped by SIGTERM: the cache is kept")
