import pytest

from dataset_modules.espeak_synthesiser import VoiceSettings, speak
from dataset_modules.sentences import distinct_sentences
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


def test_foreign_words_leave_no_language_flag() -> None:
    assert not any("(" in phoneme for phoneme in EspeakPhonemes("ru")("это hello world"))


@pytest.mark.parametrize("language", ["ru", "en-us", "de"])
def test_text_gives_the_phonemes_that_the_synthesiser_speaks(language: str) -> None:
    normalise, to_phonemes = IpaNormaliser(), EspeakPhonemes(language)
    for sentence in distinct_sentences(language, 20, seed=1):
        spoken = speak(sentence, VoiceSettings(language), normalise).phonemes
        assert normalise(to_phonemes(sentence)) == spoken


def test_fingerprint_names_version_and_language() -> None:
    assert EspeakPhonemes("ru").fingerprint().startswith("espeak-ng 1.")
    assert EspeakPhonemes("ru").fingerprint() != EspeakPhonemes("de").fingerprint()


def test_unknown_language_is_refused_with_examples() -> None:
    with pytest.raises(ValueError, match="such as ru or en-us, got 'klingon'"):
        EspeakPhonemes("klingon")("qapla")
