"""Counts of recognised phonemes for each reference phoneme."""

from collections import Counter

from phonetics.confusions import most_frequent, phoneme_scores

COUNTS = Counter({("t", "t"): 6, ("t", "d"): 3, ("t", None): 1, ("d", "d"): 4, (None, "t"): 2})


def test_precision_and_recall_by_hand():
    scores = phoneme_scores(COUNTS)
    assert (scores["t"].spoken, scores["t"].recognised, scores["t"].correct) == (10, 8, 6)
    assert (scores["t"].recall, scores["t"].precision) == (0.6, 0.75)
    assert scores["d"].precision == 4 / 7


def test_a_phoneme_that_is_never_spoken_has_no_recall():
    scores = phoneme_scores(Counter({("t", "x"): 1}))
    assert (scores["x"].recall, scores["x"].precision) == (None, 0.0)
    assert scores["t"].precision is None


def test_errors_come_in_words_the_frequent_first():
    assert [error.in_words() for error in most_frequent(COUNTS)] == [
        "recognised [t] as [d]: 3 of 10",
        "inserted [t]: 2 in 14 phonemes",
        "deleted [t]: 1 of 10",
    ]
