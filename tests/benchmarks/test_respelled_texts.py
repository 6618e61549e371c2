import random
from collections.abc import Sequence

import pytest

from benchmarks.respelled_texts import respelled, spoken_errors, substitution


@pytest.mark.parametrize(
    ("first", "second", "place"),
    [("tak", "tok", 1), ("tak", "tak", None), ("tak", "tek", 1), ("tak", "kat", None), ("tak", "taks", None)],
)
def test_substitution_is_the_one_place_that_differs(first: str, second: str, place: int | None) -> None:
    assert substitution(first, second) == place


def test_respelled_replaces_every_letter_by_every_other_one() -> None:
    assert respelled("Да!", "адо") == ["аа!", "оа!", "Дд!", "До!"]


def _read_letters(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Convert letters to phonemes: an h is silent, and an o takes the stress from the first phoneme."""
    spelled = [[letter for letter in text if letter != "h"] for text in texts]
    return [
        tuple(name if place or "o" in word else f"ˈ{name}" for place, name in enumerate(word))
        for word in spelled
    ]


def _without_stress(phonemes: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.removeprefix("ˈ") for name in phonemes)


def test_a_spoken_error_is_exactly_one_substitution_in_another_place_each_time() -> None:
    found = list(
        spoken_errors("tak", "taioh", _read_letters, _without_stress, lambda *_: True, random.Random(0))
    )
    assert sorted(error.place for error in found) == [0, 1, 2]
    for text, place, said in found:
        assert set(text).isdisjoint("oh")  # a silent letter shortens the word, an o moves its stress
        assert [(at, new) for at, (old, new) in enumerate(zip("tak", text, strict=True)) if old != new] == [
            (place, said)
        ]


def test_only_admitted_errors_are_spoken() -> None:
    def is_vowel_kept(expected: str, said: str) -> bool:
        return (expected in "ai") == (said in "ai")

    found = spoken_errors("tak", "tai", _read_letters, _without_stress, is_vowel_kept, random.Random(0))
    assert {(error.place, error.said) for error in found} == {(1, "i"), (2, "t")}
