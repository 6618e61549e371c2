"""Figures against torchmetrics' own, and by hand."""

import random

import pytest
import torch
from torchmetrics.text import WordErrorRate

from evaluation.metrics import DEFINITIONS, RatioOfSums, add_edits, character_edits, phoneme_edits, word_edits


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
    add_edits(metric, [phoneme_edits(*pair, None) for pair in pairs])
    reference.update(
        [" ".join(hypothesis) for _, hypothesis in pairs], [" ".join(truth) for truth, _ in pairs]
    )
    assert float(metric.compute()) == pytest.approx(float(reference.compute()), abs=1e-6)


def test_word_boundaries_count_as_words_and_spaces_but_not_as_phonemes():
    reference, hypothesis = ["d", "a", "|", "n", "e"], ["d", "a", "n", "e"]
    assert phoneme_edits(reference, hypothesis, "|").errors == 0
    assert character_edits(reference, hypothesis, "|").errors == 1
    assert word_edits(reference, hypothesis, "|").errors == 2


def test_a_phoneme_of_two_characters_is_one_phoneme():
    assert phoneme_edits(["tʃ"], ["t"], None).errors == 1
    assert character_edits(["tʃ"], ["t"], None).reference_length == 2


def test_every_figure_has_a_definition():
    from evaluation.running import FIGURES

    assert set(FIGURES) == set(DEFINITIONS)
