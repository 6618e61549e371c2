"""Segments and their features, against panphon 0.22.2 in ``panphon_reference.tsv``; differences and order."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phonetics.articulation import (
    PhonemeInventory,
    difference,
    feature_table,
    known_segments,
    segments_of,
)


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


SIGNS = {-1: "-", 0: "0", 1: "+"}


def rows_of_panphon(part: int) -> Iterator[list[str]]:
    content = Path(__file__).with_name("panphon_reference.tsv").read_text(encoding="utf-8")
    return (line.split("\t") for line in content.split("\n\n")[part].splitlines())


def test_strings_are_cut_into_panphons_segments_with_its_features() -> None:
    for ipa, *expected in rows_of_panphon(0):
        segments = known_segments(ipa)
        assert ["".join(SIGNS[value] for value in segment) for segment in segments] == expected, ipa


def test_segments_differ_by_panphons_weighted_distance() -> None:
    most = 2 * sum(feature_table().weights)
    for one, other, distance in rows_of_panphon(1):
        difference_of_two = difference(segments_of(one) or (), segments_of(other) or ())
        assert difference_of_two == pytest.approx(float(distance) / most), (one, other)


@pytest.mark.parametrize(
    ("doubled", "long", "short"), [("ss", "sː", "s"), ("tt", "tː", "t"), ("ɯɯ", "ɯː", "ɯ")]
)
def test_a_doubled_segment_is_a_long_one(doubled: str, long: str, short: str) -> None:
    assert segments_of(doubled) == segments_of(long)
    lengthened = difference(segments_of("tː") or (), segments_of("t") or ())
    assert difference(segments_of(doubled) or (), segments_of(short) or ()) == pytest.approx(lengthened)


def test_every_segment_of_the_table_is_one_segment() -> None:
    table = feature_table()
    assert len(table.features) == 6367
    assert all(segments_of(segment) == (features,) for segment, features in table.features.items())


def test_ascii_g_is_the_plosive() -> None:
    assert segments_of("g") == segments_of("ɡ") is not None


def test_composed_and_decomposed_spellings_are_one() -> None:
    assert segments_of("\u1ebd") == segments_of("e\u0303") is not None


def test_rhotic_and_barred_vowels_of_espeak_are_known() -> None:
    assert None not in [segments_of(phoneme) for phoneme in ("ɚ", "ɝ", "ᵻ", "ᵿ", "aɪɚ")]


@pytest.mark.parametrize("unknown", ["", "sil", "SPN", "pau", "t7", "[UNK]", "|"])
def test_markers_and_unknown_symbols_have_no_segments(unknown: str) -> None:
    assert segments_of(unknown) is None
