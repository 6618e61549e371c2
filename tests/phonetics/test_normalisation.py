import unicodedata

import pytest

from phonetics import IpaNormaliser, strip_language_switches

COMPOSED = unicodedata.normalize("NFC", "c\u0327")  # ç as one character
DECOMPOSED = "c\u0327"


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("g", "ɡ"),
        (COMPOSED, DECOMPOSED),
        ("t\u0361ʃ", "tʃ"),
        ("t\u035cs", "ts"),
        ("t\u200ds", "ts"),
        ("ˈa", "a"),
        ("ˌo", "o"),
        ("aː", "aː"),
        (" a ", "a"),
        ("|", "|"),
    ],
)
def test_one_spelling(written: str, spelled: str) -> None:
    assert IpaNormaliser()([written]) == (spelled,)


def test_stress_and_length_are_kept_or_dropped_by_choice() -> None:
    assert IpaNormaliser(keep_stress=True, keep_length=False)(["ˈaː", "oˑ"]) == ("ˈa", "o")


def test_normalising_twice_changes_nothing() -> None:
    once = IpaNormaliser()(["ˈg", "t͡ʃ", COMPOSED, "(en)ɒ(ru)", "ˈ"])
    assert IpaNormaliser()(once) == once


def test_what_leaves_nothing_is_dropped() -> None:
    assert IpaNormaliser()(["ˈ", "", "(en)", "-", "a"]) == ("a",)


def test_mapping_splits_replaces_and_drops() -> None:
    normalise = IpaNormaliser(mapping={"ju": "j u", "ʔ": "", "ə": "a"})
    assert normalise(["ju", "ʔ", "ə", "b"]) == ("j", "u", "a", "b")


def test_mapping_is_applied_once() -> None:
    assert IpaNormaliser(mapping={"a": "b", "b": "a"})(["a", "b"]) == ("b", "a")


@pytest.mark.parametrize("key", ["g", "ˈɡ", "ɡ"])
def test_mapping_keys_may_be_spelled_like_the_phonemes(key: str) -> None:
    assert IpaNormaliser(mapping={key: "ɣ"})(["ˈg"]) == ("ɣ",)


def test_mapping_values_are_spelled_alike() -> None:
    assert IpaNormaliser(mapping={COMPOSED: "g"})([DECOMPOSED]) == ("ɡ",)


@pytest.mark.parametrize("flag", ["(en)", "(en-us)", "(cmn-latn-pinyin)", "(en-gb-x-rp)"])
def test_language_switches_are_removed(flag: str) -> None:
    assert strip_language_switches(f"{flag}bɒn(ru)") == "bɒn"
