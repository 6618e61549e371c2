import json
import multiprocessing
import os
from pathlib import Path

import pytest

from durable_files import write_durably


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    for text in ("старое", "новое"):
        write_durably(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError("the disk is full")

    path = tmp_path / "note.json"
    write_durably(path, "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="the disk is full"):
        write_durably(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_processes_that_write_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path, texts = tmp_path / "note.json", [letter * 200_000 for letter in "abcd"]

    def write(text: str) -> None:
        for _ in range(20):
            write_durably(path, text)

    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=write, args=(text,)) for text in texts]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]


def test_bytes_of_names_that_are_no_text_are_written_as_escapes(tmp_path: Path) -> None:
    write_durably(tmp_path / "a.json", '"\udcff"')
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == "\udcff"


def test_the_longest_names_are_written(tmp_path: Path) -> None:
    for letter in ("x", "\N{GRINNING FACE}"):
        path = tmp_path / (letter * (255 // len(letter.encode())))
        write_durably(path, "text")
        assert path.read_text() == "text"
