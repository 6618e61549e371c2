import random
import unicodedata
from pathlib import Path

import pytest

from dataset_modules.sources.synthesis.sentences import distinct_sentences, words_of


@pytest.mark.parametrize("language", ["ru", "en-us", "de"])
def test_sentences_differ_and_are_a_function_of_the_seed(language: str) -> None:
    sentences = distinct_sentences(language, 1000, seed=3)
    assert len(set(sentences)) == 1000
    assert distinct_sentences(language, 1000, seed=3) == sentences
    assert distinct_sentences(language, 1000, seed=4) != sentences


def test_more_sentences_begin_with_the_fewer() -> None:
    assert distinct_sentences("ru", 50, seed=0)[:20] == distinct_sentences("ru", 20, seed=0)


@pytest.mark.parametrize("language", ["ru", "en", "de", "fr", "es", "it", "tr"])
def test_templates_leave_no_slot_open(language: str) -> None:
    assert not any("{" in sentence for sentence in distinct_sentences(language, 500, seed=0))


def test_a_variety_of_a_language_speaks_its_texts() -> None:
    assert distinct_sentences("en-us", 10, seed=0) == distinct_sentences("en", 10, seed=0)


def test_languages_without_texts_speak_numbers() -> None:
    assert all(
        word.isdigit() for sentence in distinct_sentences("sw", 50, seed=0) for word in sentence.split()
    )


def test_global_random_state_is_left_alone() -> None:
    random.seed(0)
    state = random.getstate()
    distinct_sentences("ru", 10, seed=5)
    assert random.getstate() == state


def test_exhausted_texts_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "xx.json").write_text('{"templates": ["{a} {a}"], "a": ["x", "y"]}')
    monkeypatch.setattr("dataset_modules.sources.synthesis.sentences.TEXTS_DIR", tmp_path)
    assert sorted(distinct_sentences("xx", 4, seed=0)) == ["x x", "x y", "y x", "y y"]
    with pytest.raises(ValueError, match="xx has only about 4 different ones, 5 were asked for"):
        distinct_sentences("xx", 5, seed=0)


def test_texts_file_gives_its_lines_once_each(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("да\n\n нет \nда\nну\n", encoding="utf-8")
    assert sorted(distinct_sentences("ru", 3, seed=0, texts_file=path)) == ["да", "нет", "ну"]
    with pytest.raises(ValueError, match="holds 3 different ones, 4 are needed"):
        distinct_sentences("ru", 4, seed=0, texts_file=path)


def test_sentences_are_composed(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text(unicodedata.normalize("NFD", "мой йод\n"), encoding="utf-8")
    assert distinct_sentences("ru", 1, seed=0, texts_file=path) == ["мой йод"]


def test_missing_texts_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.txt is not there"):
        distinct_sentences("ru", 1, seed=0, texts_file=tmp_path / "nowhere.txt")


def test_words_of_a_file_come_in_a_new_order(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("Jambo, dunia!\nHabari 3 gani?\n", encoding="utf-8")
    sentences = distinct_sentences("sw", 100, seed=0, words_file=path)
    assert {word for sentence in sentences for word in sentence.split()} == {
        "jambo",
        "dunia",
        "habari",
        "gani",
    }
    assert len(set(sentences)) == 100
    assert distinct_sentences("sw", 20, seed=0, words_file=path) == sentences[:20]


def test_a_file_without_words_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("1 2 3\n")
    with pytest.raises(ValueError, match="holds none"):
        distinct_sentences("ru", 1, seed=0, words_file=path)


def test_texts_and_words_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        distinct_sentences("ru", 1, seed=0, texts_file=tmp_path / "a", words_file=tmp_path / "b")


@pytest.mark.parametrize(
    "words", ["नमस्ते दुनिया", "สวัสดี ครับ", "বাংলা ভাষা", "தமிழ் மொழி", "שָׁלוֹם", "می\u200cخواهم", "perché è", "l'été"]
)
def test_words_keep_the_marks_of_their_letters(words: str) -> None:
    assert words_of([f"{words}, 3!"]) == [unicodedata.normalize("NFC", word) for word in words.split()]


def test_decomposed_letters_are_the_same_word() -> None:
    assert words_of(["perche\u0301", "perché"]) == ["perché"]
