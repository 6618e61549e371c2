"""The feature edit distance, against values that panphon 0.22.2 has computed."""

import pytest

from phonetics.feature_distance import feature_edit_distance


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("t a t", "d a d", 0.08333333333333333),
        ("b ɛ l l o", "b e l o", 0.9791666666666666),
        ("a", "ʃ ʃ k", 2.2083333333333335),
        ("k s", "", 1.8541666666666665),
        ("aɪ tʃ", "e ʃ", 1.9375),
    ],
)
def test_distances_are_panphons(reference, hypothesis, expected):
    assert feature_edit_distance(reference.split(), hypothesis.split()) == pytest.approx(expected)


def test_what_has_no_features_is_left_out():
    assert feature_edit_distance(["t", "7"], ["ˈt"]) == 0.0
    assert feature_edit_distance([], []) == 0.0
