import re
import sys
import time
import unicodedata

import pytest

from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings, speak
from dataset_modules.sources.synthesis.sentences import distinct_sentences
from phonetics import EspeakPhonemes, IpaNormaliser


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("да нет", "d ˈɑ | nʲ ˈe t"),
        ("  да,\tнет!\n", "d ˈɑ | nʲ ˈe t"),
        ("— да… нет.", "d ˈɑ | nʲ ˈe t"),
        ("да", "d ˈɑ"),
        ("", ""),
        ("?!", ""),
    ],
)
def test_words_are_separated_and_punctuation_is_silent(text: str, phonemes: str) -> None:
    assert EspeakPhonemes("ru")(text) == tuple(phonemes.split())


# Each holds words that espeak-ng hands to another language's rules.
FOREIGN = {
    "ru": "это hello world и Straße",
    "de": "Das Meeting mit dem Team war cool, wir haben das Update downloaded",
    "fr-fr": "le week-end au shopping avec un smartphone",
    "ja": "こんにちは hello",
    "cmn": "你好 hello world",
    "ar": "مرحبا hello",
    "hi": "नमस्ते hello",
}


@pytest.mark.parametrize("language", FOREIGN)
def test_foreign_words_leave_no_language_flag(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from phonemizer.backend.espeak.language_switch import RemoveFlags

    seen = []
    remove = RemoveFlags.process.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(
        RemoveFlags, "process", classmethod(lambda cls, line: seen.append(line) or remove(cls, line))
    )
    phonemes = EspeakPhonemes(language)(FOREIGN[language])
    assert any(re.search(r"\([a-z]{2}", line) for line in seen)  # or the test would show nothing
    assert not any("(" in phoneme or ")" in phoneme for phoneme in phonemes)
    assert not any("(" in phoneme for phoneme in IpaNormaliser()(phonemes))


@pytest.mark.parametrize("language", ["ru", "en-us", "de"])
def test_a_batch_is_what_single_calls_give(language: str) -> None:
    texts = ["", "?!", *distinct_sentences(language, 60, seed=2), "  ", FOREIGN["ru"]]
    to_phonemes = EspeakPhonemes(language)
    assert to_phonemes.batch(texts) == [to_phonemes(text) for text in texts]


@pytest.mark.parametrize(
    ("language", "nearest"),
    [
        ("en", "en-us, en-gb"),
        ("fr", "fr-fr"),
        ("pt_BR", "pt-br"),
        ("german", "de"),
        ("zh", "cmn"),
        ("no", "nb"),
    ],
)
def test_unknown_language_is_refused_with_the_nearest(language: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"got '{language}'; nearest: {nearest}"):
        EspeakPhonemes(language).check()


def test_a_backend_without_language_is_completed_and_one_with_keeps_its_own() -> None:
    assert EspeakPhonemes().needs_language()
    assert EspeakPhonemes().for_language("de").language == "de"
    assert EspeakPhonemes("ru").for_language("de").language == "ru"
    with pytest.raises(ValueError, match="language must be given"):
        EspeakPhonemes()("да")


def test_missing_packages_are_told_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from phonetics.text_to_phonemes import espeak

    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ValueError, match="install espeak"):
        espeak._espeak_class.__wrapped__()


@pytest.mark.parametrize("language", ["ru", "en-us", "de"])
def test_text_gives_the_phonemes_that_the_synthesiser_speaks(language: str) -> None:
    normalise, to_phonemes = IpaNormaliser(), EspeakPhonemes(language)
    for sentence in distinct_sentences(language, 20, seed=1):
        spoken = speak(sentence, VoiceSettings(language), normalise).phonemes
        assert normalise(to_phonemes(sentence)) == spoken


def test_fingerprint_names_version_and_language() -> None:
    assert EspeakPhonemes("ru").fingerprint().startswith("espeak-ng 1.")
    assert EspeakPhonemes("ru").fingerprint() != EspeakPhonemes("de").fingerprint()


@pytest.mark.parametrize(("place", "value"), [("importlib.metadata.version", "9.9"), ("_FORMAT", 99)])
def test_fingerprint_follows_what_makes_phonemes_of_a_text(
    monkeypatch: pytest.MonkeyPatch, place: str, value: object
) -> None:
    before = EspeakPhonemes("ru").fingerprint()
    monkeypatch.setattr(
        f"phonetics.text_to_phonemes.espeak.{place}", value if place == "_FORMAT" else lambda _: value
    )
    assert EspeakPhonemes("ru").fingerprint() != before


def test_unknown_language_is_refused_with_examples() -> None:
    with pytest.raises(ValueError, match="such as ru or en-us, got 'klingon'"):
        EspeakPhonemes("klingon")("qapla")


@pytest.mark.parametrize(("language", "text"), [("fr-fr", "été"), ("ru", "мой"), ("vi", "tiếng Việt")])
def test_decomposed_letters_are_read_as_composed_ones(language, text):
    assert EspeakPhonemes(language)(unicodedata.normalize("NFD", text)) == EspeakPhonemes(language)(text)


@pytest.mark.parametrize("text", ["да\0нет", "да [[нет", "да\nнет"])
def test_what_espeak_would_take_for_more_than_text_is_a_space(text):
    assert EspeakPhonemes("ru")(text) == EspeakPhonemes("ru")("да нет")


@pytest.mark.parametrize("gap", [" ", "[[", "\t"])
def test_a_gap_of_any_length_costs_little_time(gap):
    start = time.monotonic()
    assert EspeakPhonemes("it")(f"sì{gap * 100_000}no") == EspeakPhonemes("it")("sì" + " " * 16 + "no")
    assert time.monotonic() - start < 30
