"""Alignments: worked out by hand, and against other libraries."""

import random

import pytest
import torchaudio.functional
from rapidfuzz.distance import Levenshtein
from torchmetrics.text import WordErrorRate

from phonetics.alignment import Pair, align
from phonetics.articulation import PhonemeInventory
from phonetics.edits import edit_counts

PHONEMES = ["p", "t", "d", "s", "z", "m", "n", "i", "a", "u", "tʃ", "sil"]


@pytest.fixture(scope="module")
def inventory():
    return PhonemeInventory(PHONEMES)


def random_pairs(number):
    draw = random.Random(7)
    for _ in range(number):
        reference = draw.choices(PHONEMES, k=draw.randrange(12))
        noisy = [draw.choice(PHONEMES) if draw.random() < 0.3 else phoneme for phoneme in reference]
        yield (
            reference,
            [phoneme for phoneme in noisy if draw.random() > 0.15]
            + draw.choices(PHONEMES, k=draw.randrange(3)),
        )


def test_a_substitution_costs_the_difference_and_a_deletion_one(inventory):
    found = align(["t", "a", "n"], ["d", "a"], inventory)
    assert found.pairs == (Pair(0, 0), Pair(1, 1), Pair(2, None))
    assert (found.substitutions, found.deletions, found.insertions) == (1, 1, 0)
    assert found.feature_cost == pytest.approx(0.125 / 7.25 + 1.0, abs=1e-5)


def test_of_equally_short_ways_the_more_plausible_is_taken(inventory):
    # Two edits either way: s stands for z, not for a.
    assert align(["z", "a"], ["s"], inventory).pairs == (Pair(0, 0), Pair(1, None))
    assert align(["a", "z"], ["s"], inventory).pairs == (Pair(0, None), Pair(1, 0))


def test_a_cheaper_way_with_more_edits_is_not_taken(inventory):
    # sil for t costs 1 in features; leaving one out and adding the other would be two edits.
    assert align(["sil"], ["t"], inventory).errors == 1


def test_empty_sides_are_legal(inventory):
    assert align([], ["t", "a"], inventory).insertions == 2
    assert align(["t"], [], inventory).feature_cost == 1.0
    assert align([], [], inventory).pairs == ()


def test_edits_are_as_few_as_other_libraries_find(inventory):
    for reference, hypothesis in random_pairs(400):
        found = align(reference, hypothesis, inventory)
        assert found.errors == Levenshtein.distance(reference, hypothesis)
        assert found.errors == torchaudio.functional.edit_distance(reference, hypothesis)
        assert found.errors == edit_counts(reference, hypothesis).errors


def test_the_rate_is_torchmetrics(inventory):
    pairs = [pair for pair in random_pairs(200) if pair[0]]
    errors = sum(align(*pair, inventory).errors for pair in pairs)
    joined = [[" ".join(side) for side in pair] for pair in pairs]
    rate = WordErrorRate()([hypothesis for _, hypothesis in joined], [reference for reference, _ in joined])
    assert errors / sum(len(reference) for reference, _ in pairs) == pytest.approx(float(rate), rel=1e-6)


def test_pairs_cover_both_sides_in_order_and_cost_what_is_said(inventory):
    for reference, hypothesis in random_pairs(200):
        found = align(reference, hypothesis, inventory)
        assert [pair.reference for pair in found.pairs if pair.reference is not None] == list(
            range(len(reference))
        )
        assert [pair.hypothesis for pair in found.pairs if pair.hypothesis is not None] == list(
            range(len(hypothesis))
        )
        cost = sum(
            1.0
            if None in pair
            else inventory.distances[
                inventory.ids[reference[pair.reference]], inventory.ids[hypothesis[pair.hypothesis]]
            ]
            for pair in found.pairs
        )
        assert found.feature_cost == pytest.approx(cost, abs=1e-4)


def test_no_alignment_with_as_few_edits_is_cheaper_in_features(inventory):
    for reference, hypothesis in random_pairs(60):
        if len(reference) <= 6 and len(hypothesis) <= 6:
            edits, cost = cheapest(tuple(reference), tuple(hypothesis), inventory)
            found = align(reference, hypothesis, inventory)
            assert (found.errors, round(found.feature_cost, 4)) == (edits, pytest.approx(cost, abs=2e-4))


def cheapest(reference, hypothesis, inventory):
    """By trying all ways."""
    if not reference or not hypothesis:
        return len(reference) + len(hypothesis), float(len(reference) + len(hypothesis))
    distance = inventory.distances[inventory.ids[reference[0]], inventory.ids[hypothesis[0]]]
    ways = [
        (cheapest(reference[1:], hypothesis[1:], inventory), reference[0] != hypothesis[0], distance),
        (cheapest(reference[1:], hypothesis, inventory), 1, 1.0),
        (cheapest(reference, hypothesis[1:], inventory), 1, 1.0),
    ]
    return min((rest[0] + edit, rest[1] + cost) for rest, edit, cost in ways)
