import logging
import os
import pickle
from pathlib import Path

import pytest

from phonetics import EspeakPhonemes, LexiconPhonemes, UnpronounceableError

CMU_LIKE = """;;; a comment
# another
TEA  T IY1
READ  R IY1 D
READ(2)  R EH1 D
DON'T\tD OW1 N T  # inline
TOMATO  T AH0 M EY1 T OW2
'TIS  T IH1 Z
WELL-KNOWN  W EH L N OW N
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "words.dict"
    file.write_text(CMU_LIKE, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("tea", "T IY1"),
        ("Read tea!", "R IY1 D | T IY1"),  # the first of two pronunciations
        ("(don’t)", "D OW1 N T"),
        ("'tis — «TOMATO»", "T IH1 Z | T AH0 M EY1 T OW2"),
        ("well-known", "W EH L N OW N"),
        ("tea-tomato", "T IY1 | T AH0 M EY1 T OW2"),
        ("?!", ""),
        ("", ""),
    ],
)
def test_words_are_looked_up(path: Path, text: str, phonemes: str) -> None:
    assert LexiconPhonemes(path, fallback="none")(text) == tuple(phonemes.split())


def test_words_that_are_lacking_come_from_the_fallback(path: Path) -> None:
    to_phonemes = LexiconPhonemes(path, language="en-us")
    assert to_phonemes("tea house") == ("T", "IY1", "|", *EspeakPhonemes("en-us")("house"))


def test_the_fallback_speaks_the_language_of_the_data(path: Path) -> None:
    unbound = LexiconPhonemes(path)
    assert unbound.needs_language()
    assert unbound.for_language("de")("Haus") == EspeakPhonemes("de")("Haus")
    assert not LexiconPhonemes(path, fallback=EspeakPhonemes("ru")).needs_language()
    assert not LexiconPhonemes(path, fallback="none").needs_language()


def test_without_fallback_a_lacking_word_is_an_error_that_names_it(path: Path) -> None:
    with pytest.raises(UnpronounceableError, match=r"'house' is not in the lexicon .*words\.dict"):
        LexiconPhonemes(path, fallback="none")("tea house")


def test_lacking_words_are_counted_before_anything_is_read(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        LexiconPhonemes(path, fallback="none").check(["tea house", "House boat!", "don't read"])
    assert "3 of 6 words (2 different ones)" in caplog.text
    assert "house (2×), boat (1×); texts with them are left out" in caplog.text


def test_a_wrong_language_of_the_fallback_is_told_at_the_check(path: Path) -> None:
    with pytest.raises(ValueError, match="nearest: en-us"):
        LexiconPhonemes(path, language="en").check()


@pytest.mark.parametrize("text", ["5%", "(5 %)", "€20", "2+2", "at a cost of $5."])
def test_signs_that_are_spoken_go_to_the_fallback(path: Path, text: str) -> None:
    spoken = LexiconPhonemes(path, language="en-us")
    chunks = [chunk.strip("().") for chunk in text.split()]
    expected = [
        phoneme
        for chunk in chunks
        for phoneme in ("|", *(one for one in EspeakPhonemes("en-us")(chunk) if one != "|"))
    ]
    assert spoken(text) == tuple(expected[1:])


def test_signs_that_are_spoken_are_heard(path: Path) -> None:
    spoken = LexiconPhonemes(path, language="en-us")
    assert len(spoken("5%")) > len(spoken("5")) < len(spoken("€5"))


@pytest.mark.parametrize("text", ["tea 5%", "tea & tomato", "tea + tomato", "€"])
def test_without_fallback_signs_that_are_spoken_are_unpronounceable(
    path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    bare = LexiconPhonemes(path, fallback="none")
    with pytest.raises(UnpronounceableError, match=r"'[5%&+€]+' is not in the lexicon"):
        bare(text)
    with caplog.at_level(logging.WARNING):
        bare.check([text])
    assert "are left out" in caplog.text


def test_case_does_not_matter_and_letters_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "german.dict"
    path.write_text("Masse m a s ə\nMaße m aː s ə\nÖl øː l\n", encoding="utf-8")
    to_phonemes = LexiconPhonemes(path, fallback="none")
    assert " ".join(to_phonemes("MASSE maße O\u0308L")) == "m a s ə | m aː s ə | øː l"


def test_turkish_tells_i_with_and_without_dot(tmp_path: Path) -> None:
    path = tmp_path / "turkish.dict"
    path.write_text("ılık ɯ l ɯ k\nilik i l i k\n", encoding="utf-8")
    turkish = LexiconPhonemes(path, fallback="none", language="tr")
    assert " ".join(turkish("ILIK İLİK")) == "ɯ l ɯ k | i l i k"
    bound = LexiconPhonemes(path, fallback="none").for_language("tr")
    assert bound("ILIK") == turkish("ILIK")
    assert bound.fingerprint() != LexiconPhonemes(path, fallback="none").fingerprint()
    assert LexiconPhonemes(path, fallback=EspeakPhonemes("tr"))("ILIK") == turkish("ILIK")
    assert LexiconPhonemes(path, fallback="none", language="en-us")("ILIK") == turkish("ilik")


@pytest.mark.parametrize("line", ["tea\t0.99\t0.14\t1.0\t1.0\tt iː", "tea 1.0 t iː", "tea\t1e-05\tt iː"])
def test_probabilities_of_aligners_are_no_phonemes(tmp_path: Path, line: str) -> None:
    path = tmp_path / "aligner.dict"
    path.write_text(line + "\nÖl 2 l\n", encoding="utf-8")
    assert LexiconPhonemes(path, fallback="none")("tea Öl") == ("t", "iː", "|", "2", "l")


def test_fingerprint_follows_content_and_fallback(path: Path, tmp_path: Path) -> None:
    first = LexiconPhonemes(path, fallback="none").fingerprint()
    assert LexiconPhonemes(path, fallback=EspeakPhonemes("ru")).fingerprint() != first
    path.write_text(CMU_LIKE + "NEW  N Y UW\n", encoding="utf-8")
    assert LexiconPhonemes(path, fallback="none").fingerprint() != first


def test_a_changed_file_is_read_anew(path: Path) -> None:
    to_phonemes = LexiconPhonemes(path, fallback="none")
    path.write_text("tea t iː\n", encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert to_phonemes("tea") == ("t", "iː")


def test_pickling_does_not_carry_the_dictionary(path: Path) -> None:
    path.write_text("".join(f"word{number} a b c\n" for number in range(5000)), encoding="utf-8")
    pickled = pickle.dumps(LexiconPhonemes(path, fallback="none"))
    assert len(pickled) < 2000
    assert pickle.loads(pickled)("word4999") == ("a", "b", "c")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"tea t i\nword\n", r"line 2 must be a word and its phonemes, got 'word'"),
        (b"tea # t i\n", r"line 1 must be a word"),
        (b"# nothing\n", "it holds none"),
        (b"tea 0.99 1.0\n", r"line 1 must be a word and its phonemes"),
        ("thé t e\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_faulty_files_are_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    file = tmp_path / "faulty.dict"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        LexiconPhonemes(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.dict cannot be read"):
        LexiconPhonemes(tmp_path / "nowhere.dict")
