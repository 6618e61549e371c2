"""The cache of prepared clips: content-addressed folders, built under a lock, appearing whole or not at all.

A folder's name ends in the fingerprint of everything that decides its content, so a folder that
exists is right: nothing in it is ever changed. Finished shards of an interrupted build are kept
and not made again.
"""

import hashlib
import json
import logging
import multiprocessing
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
from filelock import FileLock
from tqdm import tqdm

from dataset_modules.clip_store import ClipStore
from dataset_modules.preparation import PreparationSettings, prepare_shard
from dataset_modules.recording import Recording

log = logging.getLogger(__name__)

FORMAT_VERSION = 1
RECORDINGS_PER_SHARD = 256
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a cache folder holds; its presence says that the folder is whole."""

    format_version: int
    fingerprint: str
    shards: tuple[str, ...]
    num_clips: int
    skipped: dict[str, str]  # recording id → reason


@dataclass(frozen=True)
class PreparedSplit:
    """A split's clips, and what was left out of it."""

    clips: ClipStore
    fingerprint: str
    skipped: dict[str, str]


class ClipCache:
    """Finds or builds the prepared form of lists of recordings."""

    def __init__(self, root: Path, settings: PreparationSettings, num_proc: int = 1) -> None:
        self.root = root
        self.settings = settings
        self.num_proc = num_proc

    def open_or_build(
        self, name: str, recordings: Sequence[Recording], *, rebuild: bool = False
    ) -> PreparedSplit:
        """Open the folder that belongs to these recordings; build it where it is missing or damaged."""
        fingerprint = fingerprint_of(recordings, self.settings)
        folder = self.root / f"{name}-{fingerprint[:16]}"
        if not rebuild and (found := open_split(folder, fingerprint)) is not None:
            return found
        self.root.mkdir(parents=True, exist_ok=True)
        before = _stamp(folder)
        with FileLock(f"{folder}.lock"):
            replaced = _stamp(folder) != before  # by another process, while this one waited
            if (replaced or not rebuild) and (found := open_split(folder, fingerprint)) is not None:
                return found
            self._build(folder, fingerprint, recordings)
        built = open_split(folder, fingerprint)
        if built is None:
            raise OSError(f"cache: {folder} was built but cannot be opened; is the disk full or failing?")
        return built

    def _build(self, folder: Path, fingerprint: str, recordings: Sequence[Recording]) -> None:
        incomplete = folder.with_name(folder.name + ".incomplete")
        incomplete.mkdir(exist_ok=True)
        shards = list(_chunks(recordings, RECORDINGS_PER_SHARD))
        names = [f"shard-{index:05d}-of-{len(shards):05d}" for index in range(len(shards))]
        tasks = [(incomplete / name, shard, self.settings) for name, shard in zip(names, shards, strict=True)]
        skipped: dict[str, str] = {}
        for faults in tqdm(self._run(tasks), total=len(tasks), desc=folder.name[:40], unit="shard", delay=2):
            skipped |= faults
        arrows = tuple(f"{name}.arrow" for name in names)
        num_clips = len(ClipStore([incomplete / arrow for arrow in arrows]))
        manifest = Manifest(FORMAT_VERSION, fingerprint, arrows, num_clips, skipped)
        _write_durably(incomplete / _MANIFEST, json.dumps(asdict(manifest), ensure_ascii=False, indent=1))
        _replace_folder(incomplete, folder)

    def _run(self, tasks: list["_ShardTask"]) -> Iterator[dict[str, str]]:
        if self.num_proc <= 1 or len(tasks) <= 1:
            yield from map(_finish_shard, tasks)
            return
        # Forked, because starting afresh would pay for importing torch in every process.
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(self.num_proc, mp_context=context) as pool:
            yield from pool.map(_finish_shard, tasks)


_ShardTask = tuple[Path, Sequence[Recording], PreparationSettings]


def _finish_shard(task: _ShardTask) -> dict[str, str]:
    """Prepare one shard unless an earlier, interrupted build did."""
    stem, recordings, settings = task
    faults_file = stem.with_suffix(".skipped.json")
    if faults_file.is_file() and _opens(stem.with_suffix(".arrow")):
        return dict(json.loads(faults_file.read_text(encoding="utf-8")))
    skipped = prepare_shard(recordings, stem.with_suffix(".arrow"), settings)
    # Written last: it marks the shard as done.
    _write_durably(faults_file, json.dumps(skipped, ensure_ascii=False))
    return skipped


def _opens(shard: Path) -> bool:
    try:
        ClipStore([shard])
    except (OSError, ValueError, pa.ArrowException):
        return False
    return True


def open_split(folder: Path, fingerprint: str) -> PreparedSplit | None:
    """Open a cache folder; None where there is none, or where it is damaged (which is said)."""
    if not (folder / _MANIFEST).is_file():
        return None
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        clips = ClipStore([folder / shard for shard in manifest["shards"]])
        whole = manifest["format_version"] == FORMAT_VERSION and manifest["fingerprint"] == fingerprint
        if whole and len(clips) == manifest["num_clips"]:
            return PreparedSplit(clips, fingerprint, manifest["skipped"])
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        log.warning("cache: %s is damaged and will be built anew: %s", folder, error)
        return None
    log.warning("cache: %s is not what its manifest says and will be built anew", folder)
    return None


def fingerprint_of(recordings: Iterable[Recording], settings: PreparationSettings) -> str:
    """A hash over everything that decides what a prepared split holds."""
    digest = hashlib.sha256(f"{FORMAT_VERSION} {settings.fingerprint()}".encode())
    for recording in recordings:
        fields = (*recording._replace(audio=Path()), _audio_identity(recording))
        digest.update(json.dumps([str(value) for value in fields]).encode())
    return digest.hexdigest()


def _audio_identity(recording: Recording) -> str:
    if not isinstance(recording.audio, Path):
        return recording.audio.fingerprint()
    try:
        status = recording.audio.stat()
    except OSError:
        return f"{recording.audio} missing"
    return f"{recording.audio} {status.st_size} {status.st_mtime_ns}"


def _stamp(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from one that took its place."""
    try:
        status = (folder / _MANIFEST).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _chunks(items: Sequence[Recording], size: int) -> Iterator[Sequence[Recording]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _write_durably(path: Path, text: str) -> None:
    """Write, flush to disk, rename: the file is there whole or not at all."""
    unfinished = path.with_name(path.name + ".tmp")
    with unfinished.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)


def _replace_folder(new: Path, folder: Path) -> None:
    """Put a whole folder in the place of an old one; readers of the old keep their mapped files."""
    discarded = folder.with_name(folder.name + ".discarded")
    shutil.rmtree(discarded, ignore_errors=True)
    if folder.exists():
        folder.rename(discarded)
    new.rename(folder)
    shutil.rmtree(discarded, ignore_errors=True)
