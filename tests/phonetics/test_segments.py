"""Segments and their features, against panphon 0.22.2, whose answers ``panphon_reference.tsv`` holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phonetics.articulation import difference
from phonetics.segments import feature_table, segments_of

SIGNS = {-1: "-", 0: "0", 1: "+"}


def rows_of_panphon(part: int) -> Iterator[list[str]]:
    content = Path(__file__).with_name("panphon_reference.tsv").read_text(encoding="utf-8")
    return (line.split("\t") for line in content.split("\n\n")[part].splitlines())


def test_strings_are_cut_into_panphons_segments_with_its_features() -> None:
    for ipa, *expected in rows_of_panphon(0):
        segments = segments_of(ipa) or ()
        assert ["".join(SIGNS[value] for value in segment) for segment in segments] == expected, ipa


def test_segments_differ_by_panphons_weighted_distance() -> None:
    most = 2 * sum(feature_table().weights)
    for one, other, distance in rows_of_panphon(1):
        difference_of_two = difference(segments_of(one) or (), segments_of(other) or ())
        assert difference_of_two == pytest.approx(float(distance) / most), (one, other)


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
