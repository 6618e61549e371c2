"""The cache of prepared clips: folders that are built under a lock and appear complete or not at all.

A folder's name ends in the fingerprint of everything that determines its content. A folder is never
changed, and opening it verifies that. Intact shards of a damaged folder or of an interrupted build are
reused.
"""

import functools
import hashlib
import itertools
import json
import logging
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
from filelock import FileLock
from tqdm import tqdm

from dataset_modules.cache.cache_files import (
    AUDIO_SUFFIX,
    MARKER_SUFFIX,
    FileRecord,
    ShardSummary,
    finished_shard,
    first_fault,
    mark_finished,
    remember_verified,
    skipped_in_shard,
)
from dataset_modules.cache.clip_preparation import PreparationSettings, prepare_shard
from dataset_modules.cache.clip_store import ClipStore
from dataset_modules.cache.open_files import is_shortage, shortage_explained
from dataset_modules.cache.progress_bars import refreshing
from dataset_modules.cache.shard_workers import run_in_processes
from dataset_modules.recording import AudioError, Recording, SkippedRecording
from dataset_modules.sources.recording_survey import RecordingSurvey, survey
from durable_files import flush_to_disk, named_in_errors, write_durably

log = logging.getLogger(__name__)

FORMAT_VERSION = 3
RECORDINGS_PER_SHARD = 256  # at most
_FEWEST_PER_SHARD = 32
_SHARDS_PER_FLUSH = 8
_SHARDS_OF_SMALL_SPLITS = 64  # enough that all processes end at the same time, and a kill loses little
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """The content of a cache folder; its presence means that the folder is complete."""

    format_version: int
    fingerprint: str
    num_clips: int
    num_skipped: int
    files: tuple[FileRecord, ...]


@dataclass(frozen=True)
class PreparedSplit:
    """A split's clips and its skipped recordings."""

    clips: ClipStore
    fingerprint: str
    num_skipped: int
    markers: tuple[Path, ...]

    def skipped(self) -> Iterator[SkippedRecording]:
        """Read the skipped recordings from the cache."""
        return itertools.chain.from_iterable(map(skipped_in_shard, self.markers))


class ClipCache:
    """Finds or builds the prepared form of recordings."""

    def __init__(self, root: Path, settings: PreparationSettings, num_proc: int = 1) -> None:
        self.root = root
        self.settings = settings
        self.num_proc = num_proc

    def open_or_build(
        self,
        name: str,
        recordings: Iterable[Recording],
        surveyed: RecordingSurvey | None = None,
        *,
        rebuild: bool = False,
    ) -> PreparedSplit:
        """Open the folder of these recordings; build it if it is missing or damaged.

        Recordings are iterated once more if they must be prepared. The folder's name begins with ``name``.
        """
        surveyed = surveyed or survey(recordings)
        fingerprint = fingerprint_of(surveyed, self.settings)
        folder = self.root / f"{name}-{fingerprint[:16]}"
        with shortage_explained(f"cache: {folder}"), named_in_errors(folder):
            if not rebuild and (found := open_split(folder, fingerprint)) is not None:
                return found
            self.root.mkdir(parents=True, exist_ok=True)
            before = _stamp(folder)
            with FileLock(f"{folder}.lock"):
                replaced = _stamp(folder) != before  # by another process, while this one waited
                if (replaced or not rebuild) and (found := open_split(folder, fingerprint)) is not None:
                    return found
                self._build(folder, fingerprint, recordings, surveyed.num_recordings, salvage=not rebuild)
            built = open_split(folder, fingerprint)
            if built is None:
                raise OSError(f"cache: {folder} was built but cannot be opened; is the disk full or failing?")
            return built

    def _build(
        self, folder: Path, fingerprint: str, recordings: Iterable[Recording], count: int, *, salvage: bool
    ) -> None:
        incomplete = folder.with_name(folder.name + ".incomplete")
        incomplete.mkdir(exist_ok=True)
        if salvage:
            _link_shards(folder, incomplete)
        shard_size = _shard_size(count)
        num_shards = -(-count // shard_size)
        tasks = _tasks(incomplete, recordings, shard_size, num_shards)
        work = functools.partial(_finish_shard, self.settings)
        results = run_in_processes(work, tasks, min(self.num_proc, num_shards))
        summaries: list[ShardSummary] = []
        bar = tqdm(results, folder.name[:40], num_shards, unit="shard", delay=2, **refreshing(sys.stderr))
        for shard in bar:
            summaries.append(shard)
            if len(summaries) % _SHARDS_PER_FLUSH == 0:  # while the other processes prepare
                _flush(incomplete, summaries[-_SHARDS_PER_FLUSH:])
        _flush(incomplete, summaries[len(summaries) // _SHARDS_PER_FLUSH * _SHARDS_PER_FLUSH :])
        manifest = Manifest(
            FORMAT_VERSION,
            fingerprint,
            num_clips=sum(shard.num_clips for shard in summaries),
            num_skipped=sum(shard.num_skipped for shard in summaries),
            files=tuple(file for shard in summaries for file in shard.files),
        )
        if manifest.num_clips + manifest.num_skipped != count:
            raise AudioError(
                f"cache: {folder.name}: the recordings must stay the same while they are prepared, "
                f"there were {count}, then {manifest.num_clips + manifest.num_skipped}; run again"
            )
        _remove_others(incomplete, manifest)
        write_durably(incomplete / _MANIFEST, json.dumps(asdict(manifest)))
        _replace_folder(incomplete, folder)
        remember_verified(folder, manifest.files)


def _tasks(
    folder: Path, recordings: Iterable[Recording], shard_size: int, num_shards: int
) -> Iterator["_ShardTask"]:
    waiting = iter(recordings)
    shards = iter(lambda: list(itertools.islice(waiting, shard_size)), [])  # until nothing is left
    for index, shard in enumerate(shards):
        yield folder / f"shard-{index:05d}-of-{num_shards:05d}", shard


def _flush(folder: Path, shards: Sequence[ShardSummary]) -> None:
    """Flush several files at once, because each flush costs the file system a commit."""
    for file in itertools.chain.from_iterable(shard.files for shard in shards):
        flush_to_disk(folder / file.name)


def _shard_size(count: int) -> int:
    """Return the recordings per shard; it depends on their number only, so that builds can be resumed.

    >>> _shard_size(100), _shard_size(4000), _shard_size(1_000_000)
    (32, 63, 256)
    """
    fewest = min(_FEWEST_PER_SHARD, RECORDINGS_PER_SHARD)
    return min(max(fewest, -(-count // _SHARDS_OF_SMALL_SPLITS)), RECORDINGS_PER_SHARD)


_ShardTask = tuple[Path, Sequence[Recording]]


def _finish_shard(settings: PreparationSettings, task: _ShardTask) -> ShardSummary:
    """Prepare one shard unless an interrupted build has finished it."""
    stem, recordings = task
    if (finished := finished_shard(stem)) is not None:
        return finished
    audio = stem.with_suffix(AUDIO_SUFFIX)
    for damaged in (audio, stem.with_suffix(MARKER_SUFFIX)):
        damaged.unlink(missing_ok=True)  # other processes may have mapped it, so it must not be overwritten
    skipped = prepare_shard(recordings, audio, settings)
    return mark_finished(stem, len(recordings) - len(skipped), skipped)


def open_split(folder: Path, fingerprint: str) -> PreparedSplit | None:
    """Open a cache folder; return None if it is missing or damaged, and log the damage."""
    if not (folder / _MANIFEST).is_file():
        return None
    try:
        content = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        manifest = Manifest(**{**content, "files": tuple(FileRecord(*file) for file in content["files"])})
        fault = first_fault(folder, manifest.files)
        names = [file.name for file in manifest.files]
        if fault is None and (manifest.format_version, manifest.fingerprint) == (FORMAT_VERSION, fingerprint):
            clips = ClipStore([folder / name for name in names if name.endswith(AUDIO_SUFFIX)])
            markers = tuple(folder / name for name in names if name.endswith(MARKER_SUFFIX))
            if len(clips) == manifest.num_clips:
                return PreparedSplit(clips, fingerprint, manifest.num_skipped, markers)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        if isinstance(error, OSError) and is_shortage(error):
            raise
        fault = str(error)
    log.warning(
        "cache: %s will be rebuilt, it is damaged: %s",
        *(folder, fault or "it does not match its manifest"),
    )
    return None


def fingerprint_of(surveyed: RecordingSurvey, settings: PreparationSettings) -> str:
    """Return a hash of everything that determines a prepared split."""
    identity = f"{FORMAT_VERSION} {settings.fingerprint()} {surveyed.num_recordings} {surveyed.digest}"
    return hashlib.sha256(identity.encode()).hexdigest()


def _stamp(folder: Path) -> tuple[int, int] | None:
    """Return numbers that change when a folder is replaced."""
    try:
        status = (folder / _MANIFEST).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _link_shards(damaged: Path, incomplete: Path) -> None:
    """Link a damaged folder's shards into its new build, which verifies and reuses the intact ones."""
    for path in sorted(damaged.glob("shard-*")) if damaged.is_dir() else ():
        if path.suffix in (AUDIO_SUFFIX, MARKER_SUFFIX) and not (incomplete / path.name).exists():
            try:
                os.link(path, incomplete / path.name)
            except OSError:  # without links in this file system, the shards are prepared again
                return


def _remove_others(folder: Path, manifest: Manifest) -> None:
    """Remove files that a killed build left unfinished."""
    names = {file.name for file in manifest.files}
    for path in folder.iterdir():
        if path.name not in names:
            path.unlink()


def _replace_folder(new: Path, folder: Path) -> None:
    """Replace a folder by a complete one; readers of the old folder keep their mapped files."""
    discarded = folder.with_name(folder.name + ".discarded")
    shutil.rmtree(discarded, ignore_errors=True)
    if folder.exists():
        folder.rename(discarded)
    new.rename(folder)
    shutil.rmtree(discarded, ignore_errors=True)
