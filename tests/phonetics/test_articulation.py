"""Differences between phonemes, and their order."""

import pytest

from phonetics import PhonemeInventory


@pytest.fixture(scope="module")
def inventory():
    return PhonemeInventory(["t", "d", "a", "ɡ", "tʃ", "ʃ", "m", "i", "ʔ", "h", "l", "sil"])


def distance(inventory, one, other):
    return inventory.distances[inventory.ids[one], inventory.ids[other]]


def test_one_feature_of_full_difference_costs_its_weight(inventory):
    # t and d differ in voicing alone: weight 0.125 of 7.25 in all, |-1 - 1| / 2 of it.
    assert distance(inventory, "t", "d") == pytest.approx(0.125 / 7.25)


def test_differences_are_symmetric_and_lie_between_nought_and_one(inventory):
    distances = inventory.distances
    assert (distances == distances.T).all()
    assert (distances >= 0).all()
    assert (distances <= 1).all()
    assert (distances.diagonal() == 0).all()


def test_an_affricate_differs_from_its_second_half_by_half(inventory):
    # The first segment is left out (1), the second is the same (0); two segments at most.
    assert distance(inventory, "tʃ", "ʃ") == 0.5


def test_a_phoneme_without_features_costs_one_and_is_named(inventory):
    assert inventory.without_features == ["sil"]
    assert distance(inventory, "sil", "t") == 1.0


def test_timits_names_are_read_as_its_phones():
    timit = PhonemeInventory(["sh", "s", "aa", "sil"])
    ipa = PhonemeInventory(["ʃ", "s", "ɑ"])
    assert distance(timit, "sh", "s") == distance(ipa, "ʃ", "s")
    assert timit.without_features == ["sil"]


def test_an_unknown_token_among_timits_names_changes_nothing_for_them():
    timit = PhonemeInventory(["sh", "aa", "[UNK]"])
    assert distance(timit, "sh", "aa") == distance(PhonemeInventory(["ʃ", "ɑ"]), "ʃ", "ɑ")
    assert timit.without_features == ["[UNK]"]


def test_phonemes_are_sorted_by_manner_then_place(inventory):
    assert inventory.by_articulation() == ["t", "d", "ɡ", "ʔ", "tʃ", "ʃ", "h", "m", "l", "i", "a", "sil"]


@pytest.mark.parametrize("unknown", ["h#", "ɦ1", "ʔ?"])
def test_what_begins_like_a_glottal_and_is_unknown_is_unknown(unknown):
    inventory = PhonemeInventory(["s", unknown, "a"])
    assert inventory.manner_of(unknown) == "unknown"
    assert inventory.by_articulation() == ["s", "a", unknown]
