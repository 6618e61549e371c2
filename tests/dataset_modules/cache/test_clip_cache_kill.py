"""Builds that are killed at random moments, and builds that start at once."""

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from dataset_modules.cache import clip_cache as cache
from dataset_modules.cache.clip_cache import ClipCache, PreparedSplit
from dataset_modules.cache.clip_preparation import PreparationSettings
from dataset_modules.recording import AudioError, Clip, Recording

FORK = multiprocessing.get_context("fork")
COUNT = 120


class SlowTone(NamedTuple):
    """A source that takes a moment, and writes down that it was read."""

    number: int
    log: Path

    def fingerprint(self) -> str:
        return f"slow tone {self.number}"

    def read(self) -> Clip:
        time.sleep(0.004)
        with self.log.open("a") as stream:
            stream.write(f"{self.number}\n")
        if self.number % 20 == 13:
            raise AudioError("it is unlucky")
        times = np.arange(1600 + 10 * self.number)
        return Clip(np.sin(times * (self.number + 1) / 50).astype(np.float32) / 2, 16000)


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "RECORDINGS_PER_SHARD", 4)


def _open(root: Path, log: Path, num_proc: int) -> PreparedSplit:
    recordings = [Recording(f"tone-{n}", SlowTone(n, log), phonemes=("a",)) for n in range(COUNT)]
    return ClipCache(root, PreparationSettings(), num_proc).open_or_build("tones", recordings)


def _records(prepared: PreparedSplit) -> list[object]:
    """Every clip and every skipped recording, in order."""
    clips = (prepared.clips[index] for index in range(len(prepared.clips)))
    return [clip._replace(samples=clip.samples.tobytes()) for clip in clips] + list(prepared.skipped())


def _started(root: Path, log: Path, num_proc: int) -> BaseProcess:
    process = FORK.Process(target=_open, args=(root, log, num_proc))
    process.start()
    return process


def _reads(log: Path) -> int:
    return len(log.read_text().split()) if log.exists() else 0


def _wait_for_reads(builder: BaseProcess, log: Path, count: int) -> None:
    while _reads(log) < count and builder.is_alive():
        time.sleep(0.001)


def _killed(builder: BaseProcess) -> bool:
    """Kill a build, whose workers are left to themselves; whether it was under way."""
    os.kill(builder.pid or 0, signal.SIGKILL)
    builder.join()
    return builder.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("num_proc", [1, 2])
def test_builds_killed_at_random_moments_end_as_an_undisturbed_one(tmp_path: Path, num_proc: int) -> None:
    log = tmp_path / "reads"
    expected = _records(_open(tmp_path / "undisturbed", log, num_proc=1))
    assert len(expected) == COUNT
    draw = random.Random(num_proc)
    for attempt in range(3):
        root = tmp_path / f"killed-{attempt}"
        killed = 0
        for _ in range(3):
            before, builder = _reads(log), _started(root, log, num_proc)
            _wait_for_reads(builder, log, before + draw.randint(0, 16))
            time.sleep(draw.uniform(0.0, 0.02))
            killed += _killed(builder)
        assert killed  # on a busy machine a build may outrun its killer
        builder = _started(root, log, num_proc)
        time.sleep(draw.uniform(0.0, 0.3))
        _killed(builder)  # this one may be at its very end, or done
        assert _records(_open(root, log, num_proc)) == expected
        assert not [path for path in root.rglob("*") if path.suffix in {".tmp", ".incomplete"}]


@pytest.mark.parametrize("num_proc", [1, 2])
def test_builds_that_start_at_once_prepare_every_recording_once(tmp_path: Path, num_proc: int) -> None:
    log = tmp_path / "reads"
    builders = [_started(tmp_path / "cache", log, num_proc) for _ in range(2)]
    for builder in builders:
        builder.join()
    assert [builder.exitcode for builder in builders] == [0, 0]
    assert Counter(log.read_text().split()) == Counter(map(str, range(COUNT)))
    assert len(_open(tmp_path / "cache", log, 1).clips) == COUNT - COUNT // 20


def test_a_build_that_waits_for_a_killed_one_goes_on_with_it(tmp_path: Path) -> None:
    log = tmp_path / "reads"
    first = _started(tmp_path / "cache", log, 2)
    _wait_for_reads(first, log, 20)
    second = _started(tmp_path / "cache", log, 2)
    assert _killed(first)
    second.join(timeout=60)
    assert second.exitcode == 0
    # Only what was under way when the first was killed is read twice: a shard for each of its processes.
    assert _reads(log) <= COUNT + 2 * 4
