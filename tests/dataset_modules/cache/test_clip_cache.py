import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from dataset_modules.cache import cache_files
from dataset_modules.cache import clip_cache as cache
from dataset_modules.cache.clip_cache import ClipCache, PreparedSplit, fingerprint_of
from dataset_modules.cache.clip_preparation import PreparationSettings
from dataset_modules.recording import AudioError, Clip, Recording
from dataset_modules.sources.recording_survey import survey

SETTINGS = PreparationSettings()


class Tone(NamedTuple):
    """A source that writes down, across processes, that it was read."""

    number: int
    log: Path

    def fingerprint(self) -> str:
        return f"tone {self.number}"

    def read(self) -> Clip:
        with self.log.open("a") as stream:
            stream.write(f"{self.number}\n")
        if self.log.with_name("broken").exists() and self.number == 5:
            raise RuntimeError("the machine went down")
        if self.number == 13:
            raise AudioError("it is unlucky")
        times = np.arange(1600 + 10 * self.number)
        return Clip(np.sin(times * (self.number + 1) / 50).astype(np.float32) / 2, 16000)


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "RECORDINGS_PER_SHARD", 4)


@pytest.fixture
def reads(tmp_path: Path) -> Path:
    path = tmp_path / "reads"
    path.touch()
    return path


def _recordings(reads: Path, count: int = 10) -> list[Recording]:
    return [Recording(f"tone-{number}", Tone(number, reads), phonemes=("a",)) for number in range(count)]


def _open(
    root: Path, recordings: list[Recording], num_proc: int = 1, *, rebuild: bool = False
) -> PreparedSplit:
    return ClipCache(root, SETTINGS, num_proc).open_or_build("tones", recordings, rebuild=rebuild)


def _folder(root: Path) -> Path:
    (folder,) = (path for path in root.iterdir() if path.is_dir())
    return folder


def _files(root: Path) -> dict[str, bytes]:
    """The content; when it was last verified is none."""
    files = (path for path in _folder(root).iterdir() if path.suffix != ".stamps")
    return {path.name: path.read_bytes() for path in files}


def test_clips_keep_the_order_of_the_recordings(tmp_path: Path, reads: Path) -> None:
    clips = _open(tmp_path / "cache", _recordings(reads)).clips
    assert [clips[index].id for index in range(len(clips))] == [f"tone-{number}" for number in range(10)]


def test_a_cache_is_built_once_and_reopened(tmp_path: Path, reads: Path) -> None:
    first = _open(tmp_path / "cache", _recordings(reads))
    again = _open(tmp_path / "cache", _recordings(reads))
    assert len(reads.read_text().splitlines()) == 10
    assert first.fingerprint == again.fingerprint
    assert np.array_equal(first.clips[3].samples, again.clips[3].samples)


def test_two_processes_build_what_one_builds(tmp_path: Path, reads: Path) -> None:
    _open(tmp_path / "one", _recordings(reads, 20), num_proc=1)
    _open(tmp_path / "two", _recordings(reads, 20), num_proc=2)
    assert _files(tmp_path / "one") == _files(tmp_path / "two")


@pytest.mark.parametrize("rebuild", [False, True])
def test_processes_that_start_together_build_once(tmp_path: Path, reads: Path, rebuild: bool) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(2)

    def work() -> None:
        barrier.wait()
        assert len(_open(tmp_path / "cache", _recordings(reads), rebuild=rebuild).clips) == 10

    processes = [context.Process(target=work) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    expected = [10] if not rebuild else [10, 20]  # 20 where one was done before the other began
    assert len(reads.read_text().splitlines()) in expected


def test_waiting_for_another_rebuild_is_rebuild_enough(
    tmp_path: Path, reads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "cache"
    _open(root, _recordings(reads))

    class LockAfterAnotherRebuild(cache.FileLock):
        def __enter__(self) -> "LockAfterAnotherRebuild":
            monkeypatch.undo()
            monkeypatch.setattr(cache, "RECORDINGS_PER_SHARD", 4)
            _open(root, _recordings(reads), rebuild=True)
            return super().__enter__()

    monkeypatch.setattr(cache, "FileLock", LockAfterAnotherRebuild)
    _open(root, _recordings(reads), rebuild=True)
    assert len(reads.read_text().splitlines()) == 20


def test_rebuild_makes_everything_anew(tmp_path: Path, reads: Path) -> None:
    before = _open(tmp_path / "cache", _recordings(reads))
    after = _open(tmp_path / "cache", _recordings(reads), rebuild=True)
    assert len(reads.read_text().splitlines()) == 20
    assert np.array_equal(before.clips[9].samples, after.clips[9].samples)  # the old one is still mapped


def test_a_failed_rebuild_leaves_the_old_cache(tmp_path: Path, reads: Path) -> None:
    _open(tmp_path / "cache", _recordings(reads))
    files = {path: path.read_bytes() for path in _folder(tmp_path / "cache").iterdir()}
    (tmp_path / "broken").touch()
    with pytest.raises(RuntimeError, match="the machine went down"):
        _open(tmp_path / "cache", _recordings(reads), rebuild=True)
    assert {path: path.read_bytes() for path in files} == files
    assert len(_open(tmp_path / "cache", _recordings(reads)).clips) == 10


@pytest.mark.parametrize("num_proc", [1, 2])
def test_an_interrupted_build_keeps_its_finished_shards(tmp_path: Path, reads: Path, num_proc: int) -> None:
    _open(tmp_path / "undisturbed", _recordings(reads))
    (tmp_path / "broken").touch()
    with pytest.raises(RuntimeError):
        _open(tmp_path / "cache", _recordings(reads), num_proc)
    assert not [
        path for path in (tmp_path / "cache").iterdir() if path.is_dir() and path.suffix != ".incomplete"
    ]
    (tmp_path / "broken").unlink()
    reads.write_text("")
    _open(tmp_path / "cache", _recordings(reads))
    assert not set(reads.read_text().split()) & {"0", "1", "2", "3"}  # the first shard
    assert _files(tmp_path / "cache") == _files(tmp_path / "undisturbed")


def test_a_finished_shard_that_lost_its_end_is_made_again(tmp_path: Path, reads: Path) -> None:
    (tmp_path / "broken").touch()
    with pytest.raises(RuntimeError):
        _open(tmp_path / "cache", _recordings(reads))
    (tmp_path / "broken").unlink()
    (first,) = (tmp_path / "cache").glob("*.incomplete/shard-00000*.arrow")
    first.write_bytes(b"")
    assert len(_open(tmp_path / "cache", _recordings(reads)).clips) == 10


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _flip(path: Path) -> None:
    """Change one bit of the middle byte, and neither size nor time of change."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    ("pattern", "damage"),
    [
        ("manifest.json", _cut),
        ("manifest.json", lambda path: path.write_text("[]")),
        ("manifest.json", lambda path: path.write_text("{}")),
        ("manifest.json", lambda path: path.write_bytes(b"\xff\xfe")),
        (
            "manifest.json",
            lambda path: path.write_text(path.read_text().replace('"num_clips": 10', '"num_clips": 9')),
        ),
        ("shard-00001*.arrow", _cut),
        ("shard-00001*.arrow", lambda path: path.write_bytes(b"")),
        ("shard-00001*.arrow", Path.unlink),
        ("shard-00001*.arrow", _flip),
        ("shard-00001*.json", _flip),
        ("shard-00001*.json", Path.unlink),
    ],
    ids=[
        "cut manifest",
        "list",
        "empty",
        "bytes",
        "wrong count",
        "cut shard",
        "empty shard",
        "missing shard",
        "flipped bit",
        "flipped bit of a marker",
        "missing marker",
    ],
)
def test_a_damaged_cache_is_noticed_and_rebuilt(
    tmp_path: Path,
    reads: Path,
    caplog: pytest.LogCaptureFixture,
    pattern: str,
    damage: Callable[[Path], object],
) -> None:
    _open(tmp_path / "cache", _recordings(reads))
    whole = _files(tmp_path / "cache")
    (damaged,) = _folder(tmp_path / "cache").glob(pattern)
    damage(damaged)
    with caplog.at_level(logging.WARNING):
        assert len(_open(tmp_path / "cache", _recordings(reads)).clips) == 10
    assert "will be rebuilt" in caplog.text
    assert _files(tmp_path / "cache") == whole
    # What is intact is not made again.
    again = reads.read_text().split()[10:]
    assert again == (["4", "5", "6", "7"] if pattern.startswith("shard") else [])


def test_content_is_verified_once_and_again_where_a_file_was_touched(
    tmp_path: Path, reads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _open(tmp_path / "cache", _recordings(reads))
    folder, verified = _folder(tmp_path / "cache"), []
    real = cache_files.record_of
    monkeypatch.setattr(cache_files, "record_of", lambda path: verified.append(path.name) or real(path))
    _open(tmp_path / "cache", _recordings(reads))
    assert verified == []  # the build itself knew what it wrote
    (touched,) = folder.glob("shard-00002*.arrow")
    touched.touch()
    for _ in range(2):
        _open(tmp_path / "cache", _recordings(reads))
    assert verified == [touched.name]
    (folder / "verified.stamps").write_text("no JSON")
    _open(tmp_path / "cache", _recordings(reads))
    assert len(verified) == 1 + 6  # all three shards, with their markers


def test_a_damaged_shard_is_replaced_and_not_written_to(tmp_path: Path, reads: Path) -> None:
    store = _open(tmp_path / "cache", _recordings(reads)).clips
    before = [store[index].samples.copy() for index in range(10)]
    (shard,) = _folder(tmp_path / "cache").glob("shard-00000*.json")
    shard.unlink()
    _open(tmp_path / "cache", _recordings(reads))
    assert all(np.array_equal(store[index].samples, before[index]) for index in range(10))


def test_what_a_killed_build_left_half_written_does_not_stay(tmp_path: Path, reads: Path) -> None:
    (tmp_path / "broken").touch()
    with pytest.raises(RuntimeError):
        _open(tmp_path / "cache", _recordings(reads))
    (tmp_path / "broken").unlink()
    (incomplete,) = (tmp_path / "cache").glob("*.incomplete")
    (incomplete / "shard-00001-of-00003.json.999.tmp").write_text("{")
    _open(tmp_path / "cache", _recordings(reads))
    _open(tmp_path / "whole", _recordings(reads))
    assert _files(tmp_path / "cache") == _files(tmp_path / "whole")


@pytest.mark.parametrize("num_proc", [1, 2])
def test_flac_holds_the_same_samples_in_less_space(tmp_path: Path, reads: Path, num_proc: int) -> None:
    flac = PreparationSettings(audio_storage="flac")
    small = ClipCache(tmp_path / "flac", flac, num_proc).open_or_build("tones", _recordings(reads))
    plain = _open(tmp_path / "pcm", _recordings(reads))
    assert small.fingerprint != plain.fingerprint
    assert len(small.clips) == len(plain.clips) == 10
    for index in range(10):
        assert np.array_equal(small.clips[index].samples, plain.clips[index].samples)
    assert small.clips.num_samples().tolist() == plain.clips.num_samples().tolist()


def test_recordings_that_change_while_they_are_prepared_are_told(tmp_path: Path, reads: Path) -> None:
    class Growing:
        """One more recording at every look."""

        looks = 0

        def __iter__(self) -> Iterator[Recording]:
            self.looks += 1
            return iter(_recordings(reads, 10 + self.looks))

    with pytest.raises(AudioError, match="there were 11, then 12; run again"):
        ClipCache(tmp_path / "cache", SETTINGS).open_or_build("tones", Growing())


def test_nothing_temporary_is_left(tmp_path: Path, reads: Path) -> None:
    _open(tmp_path / "cache", _recordings(reads))
    _open(tmp_path / "cache", _recordings(reads), rebuild=True)
    assert not [
        path
        for path in (tmp_path / "cache").rglob("*")
        if path.suffix in {".tmp", ".incomplete", ".discarded"}
    ]


def test_what_is_skipped_is_remembered(tmp_path: Path, reads: Path) -> None:
    for _ in range(2):
        prepared = _open(tmp_path / "cache", _recordings(reads, 15))
        assert list(prepared.skipped()) == [("tone-13", "", "it is unlucky")]
        assert prepared.num_skipped == 1
        assert len(prepared.clips) == 14


def test_two_bad_recordings_of_one_id_do_not_spoil_the_cache(tmp_path: Path, reads: Path) -> None:
    unlucky = [Recording("twin", Tone(13, reads), phonemes=("a",))] * 2
    assert len(_open(tmp_path / "cache", [*_recordings(reads, 3), *unlucky]).clips) == 3


def test_no_recordings_make_an_empty_cache(tmp_path: Path) -> None:
    for _ in range(2):
        assert len(_open(tmp_path / "cache", []).clips) == 0


def _fingerprint(audio: Path | Tone, settings: PreparationSettings = SETTINGS, **fields: object) -> str:
    return fingerprint_of(survey([Recording("one", audio, **fields)]), settings)  # type: ignore[arg-type]


def test_the_address_changes_with_whatever_changes_the_content(reads: Path) -> None:
    addresses = {
        _fingerprint(Tone(1, reads)),
        _fingerprint(Tone(2, reads)),
        _fingerprint(Tone(1, reads), PreparationSettings(sampling_rate=8000)),
        _fingerprint(Tone(1, reads), text="да"),
        _fingerprint(Tone(1, reads), text="нет"),
        _fingerprint(Tone(1, reads), phonemes=("a",)),
        _fingerprint(Tone(1, reads), phonemes=("a", "b")),
        _fingerprint(Tone(1, reads), phonemes=("ab",)),
        _fingerprint(Tone(1, reads), speaker="anna"),
        _fingerprint(Tone(1, reads), language="ru"),
    }
    assert len(addresses) == 10


def test_the_address_follows_a_files_content_size_and_place(
    tmp_path: Path, write_tone: Callable[..., Path]
) -> None:
    path = write_tone(tmp_path / "a.wav")
    addresses = [_fingerprint(path)]
    assert _fingerprint(path) == addresses[0]
    status = path.stat()
    write_tone(path, hertz=300.0)  # as many bytes
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    addresses.append(_fingerprint(path))
    addresses.append(_fingerprint(write_tone(path, seconds=1.0)))
    addresses.append(_fingerprint(write_tone(tmp_path / "b.wav", seconds=1.0)))
    path.unlink()
    addresses.append(_fingerprint(path))
    assert len(set(addresses)) == 5


def test_the_address_follows_the_order_of_recordings(reads: Path) -> None:
    recordings = _recordings(reads)
    forwards, backwards = survey(recordings), survey(recordings[::-1])
    assert fingerprint_of(forwards, SETTINGS) != fingerprint_of(backwards, SETTINGS)
