"""Metrics agree with those of torchmetrics, and with values worked out by hand."""

import math
import random

import pytest
import torch
from torchmetrics.text import WordErrorRate

from evaluation.error_counts import phoneme_edits, total_edits
from evaluation.metrics import LanguageEdits, RatioOfSums
from phonetics import EditCounts


def test_a_ratio_of_nothing_is_nan():
    assert torch.isnan(RatioOfSums().compute())


def test_sums_stay_exact_beyond_float32():
    metric = RatioOfSums()
    metric.update(2**25, 1)
    metric.update(1, 0)
    assert float(metric.compute()) == 2**25 + 1


def test_half_precision_does_not_reach_the_sums():
    metric = RatioOfSums()
    metric.half()
    metric.update(2**12 + 1, 1)
    assert float(metric.compute()) == 2**12 + 1


def test_phoneme_error_rate_equals_torchmetrics_on_spaced_phonemes():
    draw = random.Random(0)
    pairs = [
        ([draw.choice("abcd") for _ in range(9)], [draw.choice("abcd") for _ in range(8)]) for _ in range(50)
    ]
    metric, reference = RatioOfSums(), WordErrorRate()
    total = total_edits(phoneme_edits(*pair) for pair in pairs)
    metric.update(total.errors, total.reference_length)
    reference.update(
        [" ".join(hypothesis) for _, hypothesis in pairs], [" ".join(truth) for truth, _ in pairs]
    )
    assert float(metric.compute()) == pytest.approx(float(reference.compute()), abs=1e-6)


def _language_rates(*batches):
    edits = LanguageEdits()
    for languages, counts in batches:
        edits.add(languages, [EditCounts(errors, 0, 0, length) for errors, length in counts])
    return {language: float(rate) for language, rate in edits.finish().items()}


def test_rates_are_sums_over_sums_however_batched():
    together = _language_rates((("de", "ru", "de"), ((1, 10), (3, 4), (5, 20))))
    apart = _language_rates((("de",), ((1, 10),)), (("ru",), ((3, 4),)), (("de",), ((5, 20),)))
    assert together == apart == {"de": 6 / 30, "ru": 3 / 4}


def test_one_language_alone_has_no_separate_rate():
    assert _language_rates((("de", "de"), ((1, 10), (0, 3)))) == {}


def test_utterances_without_language_count_in_none():
    assert _language_rates((("de", None, "ru"), ((1, 10), (9, 9), (0, 3)))) == {"de": 0.1, "ru": 0.0}


def test_the_rate_of_a_language_without_phonemes_is_nan():
    rates = _language_rates((("de", "ru"), ((1, 10), (2, 0))))
    assert math.isnan(rates["ru"])


def test_the_next_split_starts_from_zero():
    edits = LanguageEdits()
    for _ in range(2):
        edits.add(["de", "ru"], [EditCounts(1, 0, 0, 4), EditCounts(0, 0, 0, 4)])
        assert float(edits.finish()["de"]) == 0.25
