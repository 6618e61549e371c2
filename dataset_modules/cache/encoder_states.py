"""Features of the frozen encoder on disk: computed once, memory-mapped for every epoch.

A folder's name ends in the fingerprint of encoder and data. It is built under a lock and appears complete
or not at all, so that processes that start together compute it once.
"""

import hashlib
import json
import logging
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from tqdm import tqdm

from dataset_modules.batches.batch import Batch, FrozenEncoder
from dataset_modules.cache.cache_files import FileRecord, first_fault, record_of, remember_verified
from dataset_modules.cache.progress_bars import refreshing
from durable_files import flush_to_disk, named_in_errors, write_durably
from stop_signals import stop_if_requested

log = logging.getLogger(__name__)

_FORMAT_VERSION = 1
LARGEST_SHARE_OF_FREE_DISK = 0.5  # unless the configuration requires the cache
_MANIFEST, _STATES = "manifest.json", "states.float32"
_FLOAT_BYTES = 4

IndexedBatch = tuple[Sequence[int], Batch]  # positions of utterances in the split, and the utterances


class EncoderStates:
    """Random access to the features of a split's clips; pickling stores only the path."""

    def __init__(self, folder: Path, num_frames: NDArray[np.int64], width: int) -> None:
        self.folder = folder
        self.num_frames = num_frames  # (N,) in the split's order
        self.width = width
        self._ends = np.cumsum(num_frames)
        shape = (int(num_frames.sum()), width)
        self._states = np.memmap(folder / _STATES, dtype=np.float32, mode="r", shape=shape)

    def __len__(self) -> int:
        return len(self.num_frames)

    def __getitem__(self, index: int) -> NDArray[np.float32]:
        end = int(self._ends[index])
        return self._states[end - int(self.num_frames[index]) : end]

    def __reduce__(self) -> tuple[type["EncoderStates"], tuple[Path, NDArray[np.int64], int]]:
        return EncoderStates, (self.folder, self.num_frames, self.width)


class EncoderStateCache:
    """Finds or computes the features of splits."""

    def __init__(self, root: Path, encoder: FrozenEncoder) -> None:
        self.root = root
        self.encoder = encoder
        self._identity = encoder.fingerprint()

    def open_or_build(
        self,
        name: str,
        data_fingerprint: str,
        num_samples: NDArray[np.int64],
        batches: Iterable[IndexedBatch] | None,
    ) -> EncoderStates | None:
        """Return the features of a split; None if they are missing and not computed.

        The folder's name begins with ``name``, the split's. ``data_fingerprint`` identifies the clips and
        their order. ``batches`` holds all clips in any order; None computes no features.
        """
        fingerprint = hashlib.sha256(
            f"{_FORMAT_VERSION} {self._identity} {data_fingerprint}".encode()
        ).hexdigest()
        folder = self.root / f"{name}-{fingerprint[:16]}"
        num_frames = self.encoder.num_frames(num_samples)
        identity = {
            "format_version": _FORMAT_VERSION,
            "fingerprint": fingerprint,
            "num_frames": int(num_frames.sum()),
            "width": self.encoder.width,
        }
        if (found := self._open(folder, identity, num_frames)) is not None or batches is None:
            return found
        size = int(num_frames.sum()) * self.encoder.width * _FLOAT_BYTES
        log.info(
            "encoder cache: %s: computing features of the frozen encoder for %d clips, once: %s in %s",
            *(name, len(num_frames), _amount(size), self.root),
        )
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{folder}.lock"):
                found = self._open(folder, identity, num_frames)  # from another process
                if found is not None or not self._has_room(name, size):
                    return found
                with named_in_errors(folder):
                    self._build(folder, identity, num_frames, batches)
        except OSError as error:  # a read-only cache, or a disk that others have filled
            if self.encoder.required:
                raise
            log.warning(
                "encoder cache: %s is not kept, every epoch computes the frozen encoder: %s", name, error
            )
            return None
        return EncoderStates(folder, num_frames, self.encoder.width)

    def _open(
        self, folder: Path, identity: dict[str, Any], num_frames: NDArray[np.int64]
    ) -> EncoderStates | None:
        fault: object
        try:
            manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            file = FileRecord(*manifest.pop("file"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            fault = error
        else:  # a shortage, such as too many open files, is no damage: its OSError leaves the folder as it is
            fault = "it does not match its manifest" if manifest != identity else first_fault(folder, [file])
        if fault:
            log.warning("encoder cache: %s will be recomputed, it is damaged: %s", folder, fault)
            return None
        log.info(
            "encoder cache: features of the frozen encoder for %d clips are in %s", len(num_frames), folder
        )
        return EncoderStates(folder, num_frames, self.encoder.width)

    def _has_room(self, name: str, size: int) -> bool:
        """Return whether the disk has enough room for so many bytes."""
        free = shutil.disk_usage(self.root).free
        share = 1.0 if self.encoder.required else LARGEST_SHARE_OF_FREE_DISK
        if size <= share * free:
            return True
        message = f"encoder cache: {name} would take {_amount(size)}, {self.root} has {_amount(free)} left"
        if self.encoder.required:
            raise OSError(f"{message}; make room, or set model.cache_encoder: null or false")
        log.warning(
            "%s; every epoch computes the frozen encoder (model.cache_encoder: true uses the whole disk)",
            message,
        )
        return False

    def _build(
        self,
        folder: Path,
        identity: dict[str, Any],
        num_frames: NDArray[np.int64],
        batches: Iterable[IndexedBatch],
    ) -> None:
        incomplete = folder.with_name(folder.name + ".incomplete")
        for old in (incomplete, folder):  # of a killed build, or damaged
            shutil.rmtree(old, ignore_errors=True)
        incomplete.mkdir()
        path = incomplete / _STATES
        try:
            self._write(path, num_frames, batches, folder.name)
        except BaseException:
            shutil.rmtree(incomplete, ignore_errors=True)
            raise
        record = record_of(path)
        flush_to_disk(path)
        write_durably(incomplete / _MANIFEST, json.dumps({**identity, "file": record}))
        incomplete.rename(folder)
        remember_verified(folder, [record])

    def _write(
        self, path: Path, num_frames: NDArray[np.int64], batches: Iterable[IndexedBatch], name: str
    ) -> None:
        """Write each clip's features at its position; a memory map would turn a full disk into a signal."""
        row = self.encoder.width * _FLOAT_BYTES
        starts = np.cumsum(num_frames) - num_frames
        missing = len(num_frames)
        intervals = refreshing(sys.stderr)
        with (
            path.open("wb") as stream,
            tqdm(total=missing, desc=name[:40], unit="clip", delay=2, **intervals) as progress,
        ):
            stream.truncate(int(num_frames.sum()) * row)
            for indices, batch in batches:
                stop_if_requested()
                for index, states in zip(indices, self.encoder.states(batch), strict=True):
                    if states.shape != (num_frames[index], self.encoder.width):
                        raise RuntimeError(
                            f"encoder cache: clip {index} must have {num_frames[index]} frames of "
                            f"{self.encoder.width}, it made {states.shape}"
                        )
                    stream.seek(int(starts[index]) * row)
                    stream.write(np.ascontiguousarray(states, dtype=np.float32).data)
                    missing -= 1
                progress.update(len(indices))
        if missing:
            raise RuntimeError(f"encoder cache: {name}: {missing} clips of the split were not computed")


def _amount(size: int) -> str:
    """Format a number of bytes.

    >>> _amount(4_100_000), _amount(12_340_000_000)
    ('4.1 MB', '12.3 GB')
    """
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
