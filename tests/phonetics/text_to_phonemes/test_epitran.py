import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from phonetics import EpitranPhonemes, IpaNormaliser
from phonetics.text_to_phonemes import epitran as module

PACKAGE = find_spec("epitran")
if PACKAGE is None:
    pytest.skip("the extra epitran is not installed", allow_module_level=True)


@pytest.mark.parametrize(
    ("language", "text", "phonemes"),
    [
        ("de", "Die Straße ist schön!", "d iː | ʃ t r aː s ə | ɪ s t | ʃ øː n"),
        ("deu-Latn", "Pfütze", "pf yː ts ə"),
        ("de", "", ""),
        ("de", "3 Жук ?!", ""),  # letters that the rules do not know
    ],
)
def test_texts_are_cut_into_phonemes(language: str, text: str, phonemes: str) -> None:
    assert IpaNormaliser()(EpitranPhonemes(language)(text)) == tuple(phonemes.split())


def test_every_short_code_is_one_that_epitran_knows() -> None:
    tables = {path.stem for path in (Path(PACKAGE.origin or "").parent / "data" / "map").glob("*.csv")}
    assert set(module.CODES.values()) <= tables


@pytest.mark.parametrize("language", ["en-us", "eng-Latn"])
def test_english_is_refused_with_what_to_take_instead(language: str) -> None:
    with pytest.raises(ValueError, match="text_to_phonemes: espeak"):
        EpitranPhonemes(language).check()


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got 'xx'; known short codes: .*\bde\b"):
        EpitranPhonemes("xx").check()


def test_fingerprint_names_versions_and_language() -> None:
    assert EpitranPhonemes("de").fingerprint() == EpitranPhonemes("deu-Latn").fingerprint()
    assert EpitranPhonemes("de").fingerprint().endswith("deu-Latn")
    assert "panphon" in EpitranPhonemes("de").fingerprint()


def test_fingerprint_follows_what_is_made_of_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    before = EpitranPhonemes("de").fingerprint()
    monkeypatch.setattr(module, "_FORMAT", 99)
    assert EpitranPhonemes("de").fingerprint() != before


def test_missing_packages_are_told_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "epitran", None)
    with pytest.raises(ValueError, match="install epitran"):
        module._rules.__wrapped__("deu-Latn")
