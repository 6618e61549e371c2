"""Finds a loader's worker that hangs, and the clip that it hangs at, instead of waiting for it for ever.

What also made it wait is shared memory that is full.
"""

import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info
from torch.utils.data._utils import signal_handling

from dataset_modules.batches.batch import Batch
from stop_signals import Stopped, requested

LOOK_EVERY_S = 1.0  # the timeout of torch's loader; then it is asked again
_STOP_AFTER_S = 2.0  # a batch that is nearly ready is still trained on
_BYTES_OF_LOCKS = 2**16  # of a queue
_TIMED_OUT = "timed out"
_ADVICE = "data.worker_timeout sets how long a batch may take"


class LoaderTimeoutError(RuntimeError):
    """A loader's worker has given no batch for too long; the message names it and the clip."""


class SharedMemoryError(RuntimeError):
    """The memory that processes share is full."""

    def __init__(self) -> None:
        super().__init__(
            "data: the shared memory (/dev/shm), in which the loader's workers hand over batches, is full; "
            "give it more room (a container: --shm-size 8g), or set data.num_workers to 0"
        )


def shared(batch: Batch) -> Batch:
    """Move a worker's batch into shared memory.

    Where it is full, this is an error; the worker's queue, which would move the batch, would lose it, and the
    loader would wait for it.
    """
    for value in batch:
        if isinstance(value, Tensor) and value.untyped_storage().nbytes():
            value.share_memory_()
    return batch


def is_full(error: Exception) -> bool:
    """Whether an error comes from full shared memory.

    >>> is_full(RuntimeError("unable to allocate shared memory(shm) for file </a>: No space left on device"))
    True
    """
    text = str(error)
    killed = "Bus error" in text  # a worker that wrote into a page for which there was no room
    return killed or ("shared memory" in text and "No space left" in text)


class WorkerLedger:
    """What each worker reads, in memory that the processes share."""

    def __init__(self, num_workers: int) -> None:
        _check_room(num_workers)
        self._rows = _shared(num_workers, -1)
        self._since = _shared(num_workers, 0)
        self._processes = _shared(num_workers, 0)

    def begin(self, worker: int, row: int) -> None:
        """Note in a worker which clip it reads."""
        self._rows[worker], self._since[worker] = row, time.monotonic_ns()
        self._processes[worker] = os.getpid()

    def longest(self) -> tuple[int, int, int] | None:
        """Return worker, process and row of the clip that has been read for the longest time."""
        busy = [worker for worker, row in enumerate(self._rows.tolist()) if row >= 0]
        if not busy:
            return None
        worker = min(busy, key=lambda one: int(self._since[one]))
        return worker, int(self._processes[worker]), int(self._rows[worker])

    def end(self, worker: int) -> None:
        """Note in a worker that its batch is complete."""
        self._rows[worker] = -1


def _check_room(num_workers: int) -> None:
    """Raise ``SharedMemoryError`` where the locks of queues may not fit: half of a loader does not end."""
    with suppress(OSError):  # a system without it
        disk = os.statvfs("/dev/shm")  # noqa: S108 - nothing is written
        if disk.f_bavail * disk.f_frsize < _BYTES_OF_LOCKS * (4 + num_workers):
            raise SharedMemoryError


def _shared(size: int, value: int) -> Tensor:
    try:
        return torch.full((size,), value, dtype=torch.int64).share_memory_()
    except RuntimeError as error:
        if is_full(error):
            raise SharedMemoryError from error
        raise


class NotedClips(Dataset[Any]):
    """A data set whose workers note what they read; a key is ``(epoch, index)``."""

    def __init__(self, clips: Any, ledger: WorkerLedger) -> None:  # noqa: ANN401 - any data set of clips
        self.clips, self.ledger = clips, ledger

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: tuple[int, int]) -> Any:  # noqa: ANN401 - as the data set
        return self.clips[key]

    def __getitems__(self, keys: Sequence[tuple[int, int]]) -> list[Any]:
        """Return the clips of a batch."""
        worker = get_worker_info()
        if worker is None:
            return self._read(keys)
        try:
            return self._read(self._noted(worker.id, keys))
        finally:
            self.ledger.end(worker.id)

    def _noted(self, worker: int, keys: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Yield the keys, and note each before it is read."""
        for key in keys:
            self.ledger.begin(worker, int(key[1]))
            yield key

    def _read(self, keys: Iterable[tuple[int, int]]) -> list[Any]:
        together = getattr(self.clips, "__getitems__", None)
        return together(keys) if together else [self.clips[key] for key in keys]


class WatchedLoader(DataLoader[Any]):
    """A loader whose own timeout is ``LOOK_EVERY_S``; in between it looks at signals and at the time."""

    patience_s: float = math.inf

    def __iter__(self) -> Any:  # noqa: ANN401 - torch's iterators, or one of ours
        batches = super().__iter__()
        clips = self.dataset
        return _watched(batches, clips, self.patience_s) if isinstance(clips, NotedClips) else batches


def _watched(batches: Iterator[Any], noted: NotedClips, patience_s: float) -> Iterator[Any]:
    """Yield batches.

    Raises ``LoaderTimeoutError`` where none comes for so long, and ``Stopped`` where a signal asks for it
    in the meantime.
    """
    asked = time.monotonic()
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except RuntimeError as error:
            if _TIMED_OUT not in str(error):
                if is_full(error):
                    raise SharedMemoryError from error
                raise
            _check(time.monotonic() - asked, batches, noted, patience_s)
            continue
        yield batch
        asked = time.monotonic()


def _check(waited_s: float, batches: Iterator[Any], noted: NotedClips, patience_s: float) -> None:
    number = requested()
    if waited_s < (patience_s if number is None else _STOP_AFTER_S):
        return
    found = noted.ledger.longest()
    _end_workers(batches)
    if number is not None:
        raise Stopped(number)
    if found is None:
        raise LoaderTimeoutError(f"data: the workers have given no batch for {waited_s:.0f} s; {_ADVICE}")
    worker, process, row = found
    clip = noted.clips.clips.name_of(row)
    raise LoaderTimeoutError(
        f"data: worker {worker} (process {process}) hangs at the clip {clip.id} ({clip.path or 'no file'}), "
        f"no batch came for {waited_s:.0f} s; {_ADVICE}"
    )


def _end_workers(batches: Any) -> None:  # noqa: ANN401 - torch's iterator
    """Kill the workers: one that is stopped, or waits for a disk, would keep this process from ending."""
    with suppress(Exception):
        # Otherwise torch raises another error for each.
        signal_handling._remove_worker_pids(id(batches))  # type: ignore[attr-defined]
        batches._worker_pids_set = False
        for process in batches._workers:
            process.kill()
