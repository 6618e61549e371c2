"""Caches of more shards than a process may hold open, in processes whose limit is lowered."""

import errno
import itertools
import multiprocessing
import os
import resource
from collections.abc import Callable
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest

from dataset_modules.cache import clip_cache as cache
from dataset_modules.cache.clip_cache import ClipCache, PreparedSplit
from dataset_modules.cache.clip_preparation import PreparationSettings
from dataset_modules.cache.open_files import shortage_explained
from dataset_modules.recording import Recording
from dataset_modules.sources.audio import read_file

FORK = multiprocessing.get_context("fork")
COUNT = 40
_FREE = 20  # descriptors left to the child; building a shard needs fewer, mapping all needs more


@pytest.fixture(autouse=True)
def _one_recording_per_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "RECORDINGS_PER_SHARD", 1)


def _open(root: Path, audio: Path) -> PreparedSplit:
    recordings = [Recording(f"tone-{number}", audio, phonemes=("a",)) for number in range(COUNT)]
    return ClipCache(root, PreparationSettings()).open_or_build("tones", recordings)


def _inodes(root: Path) -> set[int]:
    return {path.stat().st_ino for path in root.rglob("*.arrow")}


def _outcome(work: Callable[[], object], *, hard_too: bool) -> str:
    """What work returns or raises in a process that may open few more files than it has."""

    def limited(queue: "SimpleQueue[str]") -> None:
        used = {int(number) for number in os.listdir("/dev/fd")}
        free = (number for number in itertools.count() if number not in used)
        limit = next(itertools.islice(free, _FREE, None))  # numbers count, not how many are in use
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit if hard_too else hard))
        try:
            queue.put(str(work()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent compares it
            queue.put(f"{type(error).__name__}: {error}")

    queue: SimpleQueue[str] = FORK.SimpleQueue()
    process = FORK.Process(target=limited, args=(queue,))
    process.start()
    outcome = queue.get()
    process.join(30)
    return outcome


def test_more_shards_than_may_be_open_are_built_and_opened(
    tmp_path: Path, write_tone: Callable[..., Path]
) -> None:
    audio = write_tone(tmp_path / "a.wav")
    for _ in range(2):  # built, then found
        assert _outcome(lambda: len(_open(tmp_path / "cache", audio).clips), hard_too=False) == str(COUNT)


def test_where_the_system_allows_no_more_that_is_said_and_nothing_is_rebuilt(
    tmp_path: Path, write_tone: Callable[..., Path]
) -> None:
    audio = write_tone(tmp_path / "a.wav")
    _open(tmp_path / "cache", audio)
    before = _inodes(tmp_path)
    outcome = _outcome(lambda: _open(tmp_path / "cache", audio), hard_too=True)
    assert outcome.startswith("AudioError: cache: ")
    assert "raise the limit (ulimit -n" in outcome
    assert _inodes(tmp_path) == before
    assert len(before) == COUNT


def test_a_recording_is_not_blamed_for_a_shortage(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    audio = write_tone(tmp_path / "a.wav")

    def read_beside_many() -> object:
        held = [os.open(audio, os.O_RDONLY) for _ in range(_FREE - 1)]
        while len(held) < _FREE * 2:
            try:
                held.append(os.open(audio, os.O_RDONLY))
            except OSError:
                return read_file(audio)
        return None

    assert _outcome(read_beside_many, hard_too=True).startswith(f"OSError: [Errno {errno.EMFILE}]")


def test_other_errors_of_the_system_pass() -> None:
    with pytest.raises(OSError, match="disk full") as caught, shortage_explained("cache"):
        raise OSError(errno.ENOSPC, "disk full")
    assert caught.value.errno == errno.ENOSPC
