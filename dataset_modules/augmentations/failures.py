"""Failures of transforms, counted over all processes that read clips."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from lightning.pytorch import Trainer
from torch import Tensor
from torch.utils.data import get_worker_info

log = logging.getLogger(__name__)

_EXAMPLES = 3


class FailureCount(NamedTuple):
    """How often one transform failed, and on which clips first."""

    transform: str
    times: int
    indices: tuple[int, ...]  # of the first few clips


class FailureLedger:
    """Counts failures in shared memory. Each reader has its own row, so that no reader waits for another."""

    def __init__(self, names: Sequence[str], num_workers: int = 0) -> None:
        self.names = list(names)
        self._logged = 0
        rows = num_workers + 1
        self.counts = torch.zeros(rows, len(names), dtype=torch.int64).share_memory_()
        self.examples = torch.full((rows, len(names), _EXAMPLES), -1, dtype=torch.int64).share_memory_()

    def record(self, transform: int, index: int) -> None:
        """Count a failure of a transform on a clip."""
        worker = get_worker_info()
        row = 0 if worker is None else min(worker.id + 1, len(self.counts) - 1)
        noted = self.examples[row, transform]
        if index not in noted.tolist() and int(noted[-1]) < 0:
            noted[int((noted >= 0).sum())] = index
        self.counts[row, transform] += 1

    @property
    def total(self) -> int:
        """The number of failures of all transforms in all processes."""
        return int(self.counts.sum())

    def failures(self, counts: Tensor | None = None) -> list[FailureCount]:
        """Return the transforms that failed, by counts over all ranks, (N,), or by this rank's."""
        counts = self.counts.sum(dim=0) if counts is None else counts
        return [
            FailureCount(name, int(count), self._first(number))
            for number, (name, count) in enumerate(zip(self.names, counts.tolist(), strict=True))
            if count
        ]

    def log_new(self, trainer: Trainer, id_of: Callable[[int], str]) -> None:
        """Log the failures of all ranks on the first, if their number has grown since the last call."""
        counts = self.counts.sum(dim=0).to(trainer.strategy.root_device)
        failures = self.failures(trainer.strategy.reduce(counts, reduce_op="sum"))
        total = sum(failure.times for failure in failures)
        if total > self._logged and trainer.is_global_zero:
            log.warning("%s", describe_failures(failures, id_of))
        self._logged = total

    def _first(self, transform: int) -> tuple[int, ...]:
        noted = self.examples[:, transform].T.flatten().tolist()
        return tuple(dict.fromkeys(index for index in noted if index >= 0))[:_EXAMPLES]


def describe_failures(failures: Sequence[FailureCount], id_of: Callable[[int], str]) -> str:
    """Summarise failures in one line.

    >>> describe_failures([FailureCount("Gain", 2, (7, 9))], str)
    'augmentation failed 2×, these clips were left as they were: Gain 2 (first: 7, 9)'
    """
    total = sum(failure.times for failure in failures)
    parts = [
        f"{failure.transform} {failure.times}"
        + (f" (first: {', '.join(map(id_of, failure.indices))})" if failure.indices else "")
        for failure in failures
    ]
    return f"augmentation failed {total}×, these clips were left as they were: {', '.join(parts)}"
