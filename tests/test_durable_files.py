import multiprocessing
from pathlib import Path

import pytest

from durable_files import free_name, newest_name, write_durably


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    for text in ("старое", "новое"):
        write_durably(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    write_durably(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_durably(path, "half a character \udcff")
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


def test_names_of_a_series_are_given_in_order_and_the_newest_is_found(tmp_path: Path) -> None:
    assert newest_name(tmp_path, "config", ".yaml") == tmp_path / "config.yaml"
    for number in range(1, 12):
        path = free_name(tmp_path, "config", ".yaml")
        assert path.name == ("config.yaml" if number == 1 else f"config_{number}.yaml")
        path.touch()
        assert newest_name(tmp_path, "config", ".yaml") == path
    (tmp_path / "config_mine.yaml").touch()
    assert newest_name(tmp_path, "config", ".yaml") == tmp_path / "config_11.yaml"
