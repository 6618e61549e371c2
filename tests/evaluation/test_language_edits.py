"""The error rate of each language of a split."""

import math

from evaluation.language_edits import LanguageEdits
from phonetics import EditCounts


def _finished(*batches):
    edits = LanguageEdits()
    for languages, counts in batches:
        edits.add(languages, [EditCounts(errors, 0, 0, length) for errors, length in counts])
    return {language: float(rate) for language, rate in edits.finish().items()}


def test_rates_are_sums_over_sums_however_batched():
    together = _finished((("de", "ru", "de"), ((1, 10), (3, 4), (5, 20))))
    apart = _finished((("de",), ((1, 10),)), (("ru",), ((3, 4),)), (("de",), ((5, 20),)))
    assert together == apart == {"de": 6 / 30, "ru": 3 / 4}


def test_one_language_alone_has_no_rate_of_its_own():
    assert _finished((("de", "de"), ((1, 10), (0, 3)))) == {}


def test_utterances_without_language_count_in_none():
    assert _finished((("de", None, "ru"), ((1, 10), (9, 9), (0, 3)))) == {"de": 0.1, "ru": 0.0}


def test_a_language_without_phonemes_has_no_number():
    rates = _finished((("de", "ru"), ((1, 10), (2, 0))))
    assert math.isnan(rates["ru"])


def test_the_next_split_starts_anew():
    edits = LanguageEdits()
    for _ in range(2):
        edits.add(["de", "ru"], [EditCounts(1, 0, 0, 4), EditCounts(0, 0, 0, 4)])
        assert float(edits.finish()["de"]) == 0.25
