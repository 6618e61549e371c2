"""The files of a cache folder, and their verification.

Sizes are compared whenever a folder is opened. Contents are compared (CRC-32) the first time, and again
when a file's stamp has changed: writing to a file changes its stamp, and no program can restore all of it.
"""

import json
import logging
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from dataset_modules.cache.open_files import is_shortage
from dataset_modules.recording import SkippedRecording
from durable_files import write_durably

log = logging.getLogger(__name__)

AUDIO_SUFFIX, MARKER_SUFFIX = ".arrow", ".json"
_STAMPS = "verified.stamps"
_BLOCK_BYTES = 1 << 18
_READERS = min(8, os.cpu_count() or 1)  # threads: reading and CRC release Python's lock
_WORTH_LOGGING_SECONDS = 2.0

Stamp = list[int]


class FileRecord(NamedTuple):
    """The state of a file when it was written."""

    name: str
    num_bytes: int
    crc32: int


class ShardSummary(NamedTuple):
    """A finished shard: its files and its number of clips."""

    files: tuple[FileRecord, FileRecord]  # audio, marker
    num_clips: int
    num_skipped: int


def record_of(path: Path) -> FileRecord:
    """Read a file and return its record."""
    checksum = num_bytes = 0
    block = memoryview(bytearray(_BLOCK_BYTES))  # reused: new memory would cost more than the checksum
    with path.open("rb", buffering=0) as stream:
        while size := stream.readinto(block):
            checksum = zlib.crc32(block[:size], checksum)
            num_bytes += size
    return FileRecord(path.name, num_bytes, checksum)


def mark_finished(stem: Path, num_clips: int, skipped: Sequence[SkippedRecording]) -> ShardSummary:
    """Write the marker of a shard; its presence means that the shard is complete.

    Nothing is flushed to disk here: the checksum finds files damaged by a power cut, and the main process
    flushes while the others prepare.
    """
    audio, marker = stem.with_suffix(AUDIO_SUFFIX), stem.with_suffix(MARKER_SUFFIX)
    content = {"audio": record_of(audio), "num_clips": num_clips, "skipped": skipped}
    unfinished = marker.with_suffix(".tmp")
    unfinished.write_text(json.dumps(content), encoding="utf-8")
    unfinished.replace(marker)
    return ShardSummary((content["audio"], record_of(marker)), num_clips, len(skipped))  # type: ignore[arg-type]


def finished_shard(stem: Path) -> ShardSummary | None:
    """Return the shard of an earlier build; None if it is missing or its audio is damaged."""
    marker = stem.with_suffix(MARKER_SUFFIX)
    try:
        content = json.loads(marker.read_text(encoding="utf-8"))
        audio = FileRecord(*content["audio"])
        if record_of(stem.with_suffix(AUDIO_SUFFIX)) != audio:
            return None
        return ShardSummary((audio, record_of(marker)), content["num_clips"], len(content["skipped"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, OSError) and is_shortage(error):
            raise
        return None


def skipped_in_shard(marker: Path) -> Iterator[SkippedRecording]:
    """Return the recordings that were left out of a shard."""
    content = json.loads(marker.read_text(encoding="utf-8"))
    return (SkippedRecording(*fields) for fields in content["skipped"])


def first_fault(folder: Path, files: Sequence[FileRecord]) -> str | None:
    """Return the first fault of a folder's files; None if all are intact."""
    known, stamps = _read_stamps(folder), {file.name: _stamp(folder / file.name) for file in files}
    for file in files:
        stamp = stamps[file.name]
        if stamp is None:
            return f"{file.name} is missing"
        if stamp[0] != file.num_bytes:
            return f"{file.name} has {stamp[0]} bytes instead of {file.num_bytes}"
    fault = _first_changed(folder, [file for file in files if known.get(file.name) != stamps[file.name]])
    if fault is None and known != stamps:
        remember_verified(folder, files)
    return fault


def _first_changed(folder: Path, files: Sequence[FileRecord]) -> str | None:
    start = time.perf_counter()
    with ThreadPoolExecutor(_READERS) as pool:
        found = list(pool.map(lambda file: record_of(folder / file.name), files))
    seconds, size = time.perf_counter() - start, sum(file.num_bytes for file in files)
    if seconds > _WORTH_LOGGING_SECONDS:
        log.info("cache: %s: %.1f GB verified in %.0f s", folder.name, size / 1e9, seconds)
    changed = [file.name for file, now in zip(files, found, strict=True) if now != file]
    return f"{changed[0]} does not hold what was written to it" if changed else None


def remember_verified(folder: Path, files: Sequence[FileRecord]) -> None:
    """Store the stamps of intact files, so that they are not read again."""
    stamps = {file.name: _stamp(folder / file.name) for file in files}
    try:
        write_durably(folder / _STAMPS, json.dumps(stamps))
    except OSError as error:  # a read-only cache is verified every time
        log.debug("cache: %s: the verification was not stored: %s", folder, error)


def _read_stamps(folder: Path) -> dict[str, Stamp]:
    try:
        stamps = json.loads((folder / _STAMPS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamps if isinstance(stamps, dict) else {}


def _stamp(path: Path) -> Stamp | None:
    """Return size, times and inode number; programs cannot set the inode's change time."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
