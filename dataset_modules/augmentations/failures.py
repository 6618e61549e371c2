"""Clips on which a transform failed: counted over all processes that read."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import get_worker_info

log = logging.getLogger(__name__)

_EXAMPLES = 3


class FailureCount(NamedTuple):
    """What one transform failed on."""

    transform: str
    times: int
    indices: tuple[int, ...]  # of the first few clips


class FailureLedger:
    """Counts in memory that the readers share, each in a row of its own, so that none waits for another.

    Args:
        names: of the transforms.
        num_workers: processes that read beside the main one.
    """

    def __init__(self, names: Sequence[str], num_workers: int = 0) -> None:
        self.names = list(names)
        rows = num_workers + 1
        self.counts = torch.zeros(rows, len(names), dtype=torch.int64).share_memory_()
        self.examples = torch.full((rows, len(names), _EXAMPLES), -1, dtype=torch.int64).share_memory_()

    def record(self, transform: int, index: int) -> None:
        """Note that a transform failed on a clip."""
        worker = get_worker_info()
        row = 0 if worker is None else min(worker.id + 1, len(self.counts) - 1)
        noted = self.examples[row, transform]
        if index not in noted.tolist() and int(noted[-1]) < 0:
            noted[int((noted >= 0).sum())] = index
        self.counts[row, transform] += 1

    @property
    def total(self) -> int:
        """Failures of all transforms in all processes."""
        return int(self.counts.sum())

    def per_transform(self) -> Tensor:
        """Failures of each transform in all processes of this rank, (N,)."""
        return self.counts.sum(dim=0)

    def failures(self, counts: Tensor | None = None) -> list[FailureCount]:
        """The transforms that failed.

        Args:
            counts: of each transform, (N,), summed over ranks; None takes this rank's.
        """
        counts = self.per_transform() if counts is None else counts
        return [
            FailureCount(name, int(count), self._first(number))
            for number, (name, count) in enumerate(zip(self.names, counts.tolist(), strict=True))
            if count
        ]

    def _first(self, transform: int) -> tuple[int, ...]:
        noted = self.examples[:, transform].T.flatten().tolist()
        return tuple(dict.fromkeys(index for index in noted if index >= 0))[:_EXAMPLES]


def described(failures: Sequence[FailureCount], id_of: Callable[[int], str]) -> str:
    """One line for people.

    >>> described([FailureCount("Gain", 2, (7, 9))], str)
    'augmentation failed 2×, these clips were left as they were: Gain 2 (first: 7, 9)'
    """
    total = sum(failure.times for failure in failures)
    parts = [
        f"{failure.transform} {failure.times}"
        + (f" (first: {', '.join(map(id_of, failure.indices))})" if failure.indices else "")
        for failure in failures
    ]
    return f"augmentation failed {total}×, these clips were left as they were: {', '.join(parts)}"


class FailureReport:
    """Tells what a ledger holds, once for every time that it has grown."""

    def __init__(self, ledger: FailureLedger) -> None:
        self.ledger = ledger
        self._told = 0

    def tell(
        self, over_ranks: Callable[[Tensor], Tensor], id_of: Callable[[int], str], *, aloud: bool
    ) -> None:
        """Warn of failures that were not warned of.

        Args:
            over_ranks: sums counts, (N,), over all ranks.
            id_of: a clip's name by its index.
            aloud: whether this process speaks for all.
        """
        failures = self.ledger.failures(over_ranks(self.ledger.per_transform()))
        total = sum(failure.times for failure in failures)
        if total > self._told and aloud:
            log.warning("%s", described(failures, id_of))
        self._told = total
