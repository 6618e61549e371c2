"""What the frozen part of an encoder makes of clips, kept on disk: computed once, mapped for every epoch.

A folder's name ends in the fingerprint of encoder and data. It appears whole or not at all, under a
lock, so that processes that start together compute it once.
"""

import hashlib
import json
import logging
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from tqdm import tqdm

from dataset_modules.batches.batch import Batch, FrozenEncoder
from dataset_modules.cache.cache_files import FileRecord, first_fault, record_of, remember_verified
from dataset_modules.cache.progress_bars import refreshing
from durable_files import flush_to_disk, write_durably

log = logging.getLogger(__name__)

FORMAT_VERSION = 1
LARGEST_SHARE_OF_FREE_DISK = 0.5  # where the configuration does not insist
_MANIFEST, _STATES = "manifest.json", "states.float32"
_FLOAT_BYTES = 4

IndexedBatch = tuple[Sequence[int], Batch]  # places of utterances in the split, and these


@dataclass(frozen=True)
class _Manifest:
    format_version: int
    fingerprint: str
    num_frames: int
    width: int
    file: FileRecord


class EncoderStates:
    """Random access to the states of a split's clips; pickling carries the path alone.

    Args:
        folder: that holds them.
        num_frames: of each clip, in the split's order.
        width: numbers per frame.
    """

    def __init__(self, folder: Path, num_frames: NDArray[np.int64], width: int) -> None:
        self.folder = folder
        self.num_frames = num_frames
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
    """Finds or computes the states of splits.

    Args:
        root: folder of all such caches.
        encoder: what computes them.
    """

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
        """The states of a split; None where there are none, and none can or shall be made.

        Args:
            name: of the split; what the folder's name begins with.
            data_fingerprint: of its clips, in their order.
            num_samples: length of every clip.
            batches: all of its clips, in any order; passed over only where they must be computed. None:
                states that are not there are not worth making.
        """
        fingerprint = hashlib.sha256(
            f"{FORMAT_VERSION} {self._identity} {data_fingerprint}".encode()
        ).hexdigest()
        folder = self.root / f"{name}-{fingerprint[:16]}"
        num_frames = self.encoder.num_frames(num_samples)
        if (found := self._open(folder, fingerprint, num_frames)) is not None:
            return found
        if batches is None:
            return None
        size = int(num_frames.sum()) * self.encoder.width * _FLOAT_BYTES
        log.info(
            "encoder cache: %s: computing what its frozen part makes of %d clips, once: %s in %s",
            *(name, len(num_frames), _amount(size), self.root),
        )
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{folder}.lock"):
                if (found := self._open(folder, fingerprint, num_frames)) is not None:  # another process's
                    return found
                if not self._has_room(name, size):
                    return None
                self._build(folder, fingerprint, num_frames, batches)
        except OSError as error:  # a cache that may only be read, a disk that others have filled meanwhile
            if self.encoder.required:
                raise
            log.warning("encoder cache: %s is not kept, every epoch runs its frozen part: %s", name, error)
            return None
        return EncoderStates(folder, num_frames, self.encoder.width)

    def _open(self, folder: Path, fingerprint: str, num_frames: NDArray[np.int64]) -> EncoderStates | None:
        try:
            content = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            manifest = _Manifest(**{**content, "file": FileRecord(*content["file"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("encoder cache: %s will be computed anew, it is damaged: %s", folder, error)
            return None
        expected = (FORMAT_VERSION, fingerprint, int(num_frames.sum()), self.encoder.width)
        if (manifest.format_version, manifest.fingerprint, manifest.num_frames, manifest.width) != expected:
            fault: str | None = "it is not what its manifest says"
        else:
            fault = first_fault(folder, [manifest.file])
        if fault:
            log.warning("encoder cache: %s will be computed anew, it is damaged: %s", folder, fault)
            return None
        log.info("encoder cache: what the frozen part makes of %d clips is in %s", len(num_frames), folder)
        return EncoderStates(folder, num_frames, self.encoder.width)

    def _has_room(self, name: str, size: int) -> bool:
        """Whether so many bytes are left on the disk."""
        free = shutil.disk_usage(self.root).free
        share = 1.0 if self.encoder.required else LARGEST_SHARE_OF_FREE_DISK
        if size <= share * free:
            return True
        told = f"encoder cache: {name} would take {_amount(size)}, {self.root} has {_amount(free)} left"
        if self.encoder.required:
            raise OSError(f"{told}; make room, or set model.cache_encoder: null or false")
        log.warning(
            "%s; every epoch runs its frozen part (model.cache_encoder: true takes up to all of it)", told
        )
        return False

    def _build(
        self, folder: Path, fingerprint: str, num_frames: NDArray[np.int64], batches: Iterable[IndexedBatch]
    ) -> None:
        incomplete = folder.with_name(folder.name + ".incomplete")
        for old in (incomplete, folder):  # of a build that was killed, or damaged
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
        manifest = _Manifest(FORMAT_VERSION, fingerprint, int(num_frames.sum()), self.encoder.width, record)
        write_durably(incomplete / _MANIFEST, json.dumps(asdict(manifest)))
        incomplete.rename(folder)
        remember_verified(folder, [record])

    def _write(
        self, path: Path, num_frames: NDArray[np.int64], batches: Iterable[IndexedBatch], name: str
    ) -> None:
        """Each clip's states at its place; not by a map, so that a full disk is an error and no signal."""
        row = self.encoder.width * _FLOAT_BYTES
        starts = np.cumsum(num_frames) - num_frames
        missing = len(num_frames)
        often = refreshing(sys.stderr)
        with (
            path.open("wb") as stream,
            tqdm(total=missing, desc=name[:40], unit="clip", delay=2, **often) as progress,
        ):
            stream.truncate(int(num_frames.sum()) * row)
            for indices, batch in batches:
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
    """Bytes for people.

    >>> _amount(4_100_000), _amount(12_340_000_000)
    ('4.1 MB', '12.3 GB')
    """
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
