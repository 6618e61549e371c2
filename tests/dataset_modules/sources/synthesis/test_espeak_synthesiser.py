import numpy as np
import pytest

from dataset_modules.recording import AudioError, Clip
from dataset_modules.sources.synthesis.espeak_synthesiser import (
    SpokenMark,
    VoiceSettings,
    espeak_version,
    join_modifiers,
    speak,
    spell_marks,
    voice_variants,
)
from dataset_modules.sources.synthesis.sentences import distinct_sentences
from dataset_modules.synthetic import TEST_VOICES, TRAIN_VOICES, VAL_VOICES
from phonetics import IpaNormaliser


def _speak(text: str, voice: str = "ru", words_per_minute: int = 175, pitch: int = 50) -> Clip:
    return speak(text, VoiceSettings(voice, words_per_minute, pitch), IpaNormaliser())


@pytest.mark.parametrize("voice", ["ru+f2", "ru+m3", "en-us+Andy", "ru+whisper"])
def test_a_sentence_sounds_the_same_whatever_was_spoken_before(voice: str) -> None:
    first = _speak("раз two", voice)
    _speak("что-то совсем другое, и громче!", "en-us+belinda", 300, 90)
    again = _speak("раз two", voice)
    np.testing.assert_array_equal(first.waveform, again.waveform)
    assert first[1:] == again[1:]


def test_a_known_sentence() -> None:
    assert " ".join(_speak("да, привет мир").phonemes or ()) == "d ɑ | p rʲ i vʲ e t | mʲ i r"


@pytest.mark.parametrize("language", ["ru", "en-us", "de"])
def test_phoneme_starts_rise_and_lie_within_the_clip(language: str) -> None:
    for sentence in distinct_sentences(language, 15, seed=2):
        clip = _speak(sentence, f"{language}+m3")
        assert clip.phonemes is not None
        assert clip.phoneme_starts is not None
        assert len(clip.phonemes) == len(clip.phoneme_starts)
        assert (np.diff(clip.phoneme_starts) >= 0).all()
        assert clip.phoneme_starts[0] >= 0
        assert clip.phoneme_starts[-1] < len(clip.waveform) / clip.sampling_rate


def test_voice_rate_and_pitch_change_the_audio() -> None:
    plain = _speak("привет мир")
    for other in (_speak("привет мир", "ru+f2"), _speak("привет мир", pitch=90)):
        assert not np.array_equal(plain.waveform, other.waveform)
    assert len(_speak("привет мир", words_per_minute=300).waveform) < 0.8 * len(plain.waveform)


@pytest.mark.parametrize("voice", ["xx", "ru+nobody", "xx+f2", "ru+F2", "", "ru+../f2"])
def test_an_unknown_voice_is_an_audio_error(voice: str) -> None:
    with pytest.raises(AudioError, match="voice must be one it knows"):
        _speak("да", voice)


def test_the_default_voices_exist() -> None:
    assert {*TRAIN_VOICES, *VAL_VOICES, *TEST_VOICES} <= voice_variants()


@pytest.mark.parametrize("text", ["", "...", "?!"])
def test_nothing_to_say_has_no_phonemes(text: str) -> None:
    assert _speak(text).phonemes == ()


def test_the_version_is_a_number() -> None:
    assert espeak_version().startswith("1.")


def test_modifiers_never_join_a_word_boundary() -> None:
    marks = [SpokenMark("a", 0.0), SpokenMark("|", 0.1), SpokenMark("ʲ", 0.2)]
    assert [mark.name for mark in join_modifiers(marks)] == ["a", "|", "ʲ"]


def test_boundaries_stand_between_words_only() -> None:
    names = ["|", "|", "a", "", "|", "|", "ˈb", "|"]
    marks = [SpokenMark(name, float(index)) for index, name in enumerate(names)]
    assert spell_marks(marks, IpaNormaliser()) == [
        SpokenMark("a", 2.0),
        SpokenMark("|", 4.0),
        SpokenMark("b", 6.0),
    ]


def test_a_language_speaks_by_the_code_that_texts_go_by() -> None:
    assert speak("un œuf", VoiceSettings("fr-fr+f2"), IpaNormaliser()).phonemes == ("œ̃", "n", "|", "œ", "f")
