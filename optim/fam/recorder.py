"""FAM's debug record: band energies and momentum per parameter, one JSON object per line."""

import json
import logging
import os
import weakref
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import torch.distributed as dist
from torch import Tensor

log = logging.getLogger(__name__)

FILE_NAME = "fam_debug.jsonl"
RECORD_EVERY_STEPS = 10


class FamRecord(TypedDict):
    """One line of the record."""

    step: int
    name: str
    handler: str
    alpha: float
    momentum: float
    bands: list[float]


class _Pending(NamedTuple):
    named_steps: list[tuple[str, int]]
    handler: str
    alpha: float
    bands: Tensor  # (K, n_bands)
    momentum: Tensor  # (K,)


class FamRecorder:
    """Keeps every tenth step on the device and appends it to ``fam_debug.jsonl`` at an interval.

    Each write reaches the disk, so a crash loses at most one interval; the rest is written when the optimizer
    is deleted or the interpreter ends. With several processes, the first one writes.
    """

    def __init__(self, debug_dir: str, debug_interval: int) -> None:
        if debug_interval < 1:
            raise ValueError(f"FAM: debug_interval must be at least 1, got {debug_interval!r}")
        self._path = Path(debug_dir) / FILE_NAME
        self._interval = debug_interval
        self._pending: list[_Pending] = []
        self._finalizer = weakref.finalize(self, append_records, self._path, self._pending)

    def move_to(self, folder: str) -> None:
        """Resolve a relative path in this folder; nothing may have been written before."""
        self._finalizer.detach()
        self._path = Path(folder) / self._path
        self._finalizer = weakref.finalize(self, append_records, self._path, self._pending)

    def __getstate__(self) -> dict[str, Any]:
        return {"debug_dir": str(self._path.parent), "debug_interval": self._interval}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def add(
        self, named_steps: list[tuple[str, int]], handler: str, alpha: float, bands: Tensor, momentum: Tensor
    ) -> None:
        """Keep the entries of a batch whose step is a tenth one; nothing is copied from the device yet."""
        if dist.is_available() and dist.is_initialized() and dist.get_rank() != 0:
            return
        if any(step % RECORD_EVERY_STEPS == 0 for _, step in named_steps):
            self._pending.append(_Pending(named_steps, handler, alpha, bands.clone(), momentum.clone()))

    def flush_if_due(self, step: int) -> None:
        """Write the kept steps at every ``debug_interval``-th step."""
        if step % self._interval == 0:
            append_records(self._path, self._pending)


def append_records(path: Path, pending: list[_Pending]) -> None:
    """Append the pending records to the file, make sure they are on the disk, and clear them."""
    lines = [json.dumps(record) + "\n" for batch in pending for record in _records(batch)]
    pending.clear()
    if not lines:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    cut_off = _ends_within_a_line(path)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(["\n", *lines] if cut_off else lines)
        file.flush()
        os.fsync(file.fileno())


def _ends_within_a_line(path: Path) -> bool:
    """Check for an incomplete last line, which a crash leaves and which would join the next line."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _records(batch: _Pending) -> list[FamRecord]:
    rows = zip(batch.named_steps, batch.bands.tolist(), batch.momentum.tolist(), strict=True)
    return [
        FamRecord(
            step=step, name=name, handler=batch.handler, alpha=batch.alpha, momentum=momentum, bands=bands
        )
        for (name, step), bands, momentum in rows
        if step % RECORD_EVERY_STEPS == 0
    ]


def read_fam_records(path: str | Path) -> list[FamRecord]:
    """Read a record, ordered by step; a line cut off by a crash is skipped and a repeated one counts once.

    A run that was resumed from an earlier checkpoint repeats steps: the last line of a step counts.
    """
    latest: dict[tuple[int, str], FamRecord] = {}
    num_broken = 0
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            record: FamRecord = json.loads(line)
        except json.JSONDecodeError:
            num_broken += 1
            continue
        latest[record["step"], record["name"]] = record
    if num_broken:
        log.warning("%s: %d broken lines skipped, as a crash leaves them", path, num_broken)
    return sorted(latest.values(), key=lambda record: record["step"])
