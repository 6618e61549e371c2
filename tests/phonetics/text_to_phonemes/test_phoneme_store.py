import logging
import multiprocessing
import pickle
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from phonetics import GraphemeToPhoneme, StoredPhonemes


class Letters(GraphemeToPhoneme):
    """Spells a text, and counts how many it was given."""

    def __init__(self, name: str = "letters") -> None:
        self.name = name
        self.asked = 0

    def __call__(self, text: str) -> tuple[str, ...]:
        self.asked += 1
        return tuple(text)

    def fingerprint(self) -> str:
        return self.name


def _spell(path: Path, texts: Sequence[str], name: str = "letters") -> tuple[list[tuple[str, ...]], int]:
    """What a new process would see: the store is opened anew."""
    from phonetics.text_to_phonemes import phoneme_store

    phoneme_store._store.cache_clear()
    letters = Letters(name)
    spelled = StoredPhonemes(letters, path).batch(texts)
    phoneme_store._store.cache_clear()
    return spelled, letters.asked


TEXTS = [f"text {number}" for number in range(600)]


def test_texts_are_made_once(tmp_path: Path) -> None:
    first, asked = _spell(tmp_path / "p", TEXTS)
    again, asked_again = _spell(tmp_path / "p", [*TEXTS, "new"])
    assert first == [tuple(text) for text in TEXTS]
    assert again[:-1] == first
    assert (asked, asked_again) == (600, 1)


def test_a_text_that_comes_twice_is_made_once(tmp_path: Path) -> None:
    assert _spell(tmp_path / "p", ["a", "b", "a"]) == ([("a",), ("b",), ("a",)], 2)


def test_few_texts_are_kept_too(tmp_path: Path) -> None:
    _spell(tmp_path / "p", ["one"])
    assert _spell(tmp_path / "p", ["one"])[1] == 0


def test_another_backend_has_its_own(tmp_path: Path) -> None:
    _spell(tmp_path / "p", TEXTS)
    assert _spell(tmp_path / "p", TEXTS, name="others")[1] == 600


def _spell_in_child(path: Path) -> bool:
    return StoredPhonemes(Letters(), path).batch(TEXTS) == [tuple(text) for text in TEXTS]


def test_processes_share_the_file(tmp_path: Path) -> None:
    _spell(tmp_path / "p", TEXTS[:10])
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(_spell_in_child, [tmp_path / "p"] * 8) == [True] * 8
    assert _spell(tmp_path / "p", TEXTS)[1] == 0


def _spell_few_in_child(path: Path) -> int:
    return len(StoredPhonemes(Letters(), path).batch(TEXTS[:5]))


def test_the_few_texts_of_a_process_that_ends_are_kept(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        assert pool.submit(_spell_few_in_child, tmp_path / "p").result() == 5
    assert _spell(tmp_path / "p", TEXTS[:6])[1] == 1


def test_a_damaged_file_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "p").write_bytes(b"no database at all, and longer than a header needs to be" * 50)
    with caplog.at_level(logging.WARNING):
        spelled, _ = _spell(tmp_path / "p", TEXTS)
    assert spelled == [tuple(text) for text in TEXTS]
    assert "cannot be used" in caplog.text
    assert _spell(tmp_path / "p", TEXTS)[1] == 0
    assert (tmp_path / "p.damaged").is_file()


def test_where_nothing_can_be_written_phonemes_are_made_each_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "p"
    assert _spell(path, ["a"]) == ([("a",)], 1)
    assert _spell(path, ["a"]) == ([("a",)], 1)


def test_it_travels_to_other_processes_and_passes_for_the_backend(tmp_path: Path) -> None:
    stored = pickle.loads(pickle.dumps(StoredPhonemes(Letters(), tmp_path / "p")))
    assert stored("ab") == ("a", "b")
    assert stored.fingerprint() == "letters"
