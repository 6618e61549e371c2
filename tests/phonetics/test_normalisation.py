import json
import unicodedata
from pathlib import Path

import pytest

from phonetics import IpaNormaliser
from phonetics.normalisation import strip_language_switches

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


def test_ties_are_kept_by_choice_in_one_spelling() -> None:
    normalise = IpaNormaliser(keep_ties=True)
    assert normalise(["t\u0361ʃ", "t\u035cs", "tʃ"]) == ("t\u0361ʃ", "t\u0361s", "tʃ")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("map.json", json.dumps({"ju": "j u", "ʔ": ""})),
        ("map.tsv", "# a comment\nju\tj u\n\nʔ\t\n"),
    ],
)
def test_a_mapping_may_be_a_file(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    from_file = IpaNormaliser(mapping=str(tmp_path / name))
    assert from_file(["ˈju", "ʔ", "a"]) == ("j", "u", "a")
    # Caches go by what the file says, and not by its name.
    assert repr(from_file) == repr(IpaNormaliser(mapping={"ʔ": "", "ju": "j u"}))


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.json", '{"a": "b", "a": "c"}', "'a' stands there twice"),
        ("a.json", '{"a": 1}', "one JSON object of phoneme"),
        ("a.json", '["a"]', "one JSON object of phoneme"),
        ("a.json", "{", "must be JSON"),
        ("a.tsv", "a\tb\nc d\n", "line 2 must be a phoneme, a tab"),
        ("a.tsv", "a\tb\na\tc\n", "'a' stands there twice"),
        ("a.tsv", "a b\tc\n", "must replace single phonemes, got the key 'a b'"),
        ("a.tsv", "ˈ\tc\n", "must replace single phonemes, got the key 'ˈ'"),
        ("a.tsv", "g\tc\nɡ\td\n", "must have one replacement of a phoneme, 'ɡ' becomes 'c' and 'd'"),
    ],
)
def test_faulty_mappings_are_refused(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        IpaNormaliser(mapping=str(tmp_path / name))


def test_a_missing_mapping_file_is_named() -> None:
    with pytest.raises(ValueError, match=r"nowhere\.tsv"):
        IpaNormaliser(mapping="nowhere.tsv")
