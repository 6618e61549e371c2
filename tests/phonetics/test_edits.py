import random

import pytest
from torchaudio.functional import edit_distance

from phonetics import EditCounts, edit_counts
from phonetics.edits import split_words


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("abc", "abc", EditCounts(0, 0, 0, 3)),
        ("abc", "axc", EditCounts(1, 0, 0, 3)),
        ("abc", "ac", EditCounts(0, 1, 0, 3)),
        ("abc", "abxc", EditCounts(0, 0, 1, 3)),
        ("abc", "", EditCounts(0, 3, 0, 3)),
        ("", "ab", EditCounts(0, 0, 2, 0)),
        ("", "", EditCounts(0, 0, 0, 0)),
        ("kitten", "sitting", EditCounts(2, 0, 1, 6)),
    ],
)
def test_edits_worked_out_by_hand(reference: str, hypothesis: str, expected: EditCounts) -> None:
    assert edit_counts(list(reference), list(hypothesis)) == expected


def test_phonemes_of_several_letters_are_one_element() -> None:
    assert edit_counts(["tʃ", "aɪ"], ["tʃ", "a", "ɪ"]).errors == 2


def test_totals_agree_with_torchaudio() -> None:
    draw = random.Random(0)
    phonemes = ["a", "tʃ", "tʃʲ", "ɑː", "|"]
    for _ in range(300):
        reference = draw.choices(phonemes, k=draw.randrange(12))
        hypothesis = draw.choices(phonemes, k=draw.randrange(12))
        counts = edit_counts(reference, hypothesis)
        assert counts.errors == edit_distance(reference, hypothesis)
        assert len(reference) - counts.deletions + counts.insertions == len(hypothesis)


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ("|da||ne|", [("d", "a"), ("n", "e")]),
        ("||", []),
        ("", []),
    ],
)
def test_words_lie_between_delimiters_wherever_those_are(tokens: str, words: list[tuple[str, ...]]) -> None:
    assert split_words(list(tokens), "|") == words
