import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataset_modules.base_dataset import SPLITS
from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.recording import Recording
from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings, speak
from dataset_modules.sources.synthesis.sentences import distinct_sentences
from dataset_modules.synthetic import TEST_VOICES, TRAIN_VOICES, VAL_VOICES, SyntheticSpeechDataset
from phonetics import EspeakPhonemes, IpaNormaliser, Vocabulary

TOKENS = Path(__file__).parents[2] / "dataset_modules" / "tokens"
TINY: dict[str, Any] = {"language": "ru", "num_train": 12, "num_val": 4, "num_test": 4}


def _dataset(cache_dir: Path | str = "unused", **arguments: object) -> SyntheticSpeechDataset:
    dataset = SyntheticSpeechDataset(**(TINY | arguments), cache_dir=cache_dir)
    dataset.load_data()
    return dataset


def _splits(dataset: SyntheticSpeechDataset) -> list[list[Recording]]:
    return [list(dataset.recordings(split)) for split in SPLITS]


def test_splits_share_no_sentence_and_no_voice() -> None:
    splits = _splits(_dataset(num_train=400, num_val=100, num_test=200))
    texts = [{recording.text for recording in split} for split in splits]
    voices = [{recording.speaker for recording in split} for split in splits]
    assert [len(text) for text in texts] == [400, 100, 200]
    assert len(set.union(*texts)) == 700
    assert voices == [set(TRAIN_VOICES), set(VAL_VOICES), set(TEST_VOICES)]
    assert len(set.union(*voices)) == sum(map(len, voices))


def test_recordings_are_a_function_of_the_seed() -> None:
    assert _splits(_dataset()) == _splits(_dataset())
    assert _splits(_dataset(seed=1)) != _splits(_dataset())


def test_labels_are_what_is_spoken_and_text_to_phonemes_agrees(tiny_cache_dir: Path) -> None:
    clips = _dataset(tiny_cache_dir).prepare("train", AudioParams()).clips
    to_phonemes, normalise = EspeakPhonemes("ru"), IpaNormaliser()
    for index in range(len(clips)):
        assert clips[index].text is not None
        assert clips[index].phonemes == normalise(to_phonemes(clips[index].text or ""))
        assert clips[index].phoneme_starts is not None


def test_audio_comes_at_the_models_rate(tmp_path: Path) -> None:
    prepared = {
        rate: _dataset(tmp_path).prepare("val", AudioParams(sampling_rate=rate)).clips
        for rate in (8000, 16000)
    }
    np.testing.assert_allclose(2 * prepared[8000].num_samples(), prepared[16000].num_samples(), atol=3)


def test_nothing_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert len(_dataset(tmp_path).prepare("test", AudioParams()).clips) == 4


def test_the_address_follows_what_is_spoken(tmp_path: Path) -> None:
    variants: list[dict[str, Any]] = [{}, {"pitch": (30, 35)}, {"val_voices": ("m6",)}, {"language": "de"}]
    datasets = [_dataset(tmp_path, num_val=2, **arguments) for arguments in variants]
    assert len({dataset.prepare("val", AudioParams()).fingerprint for dataset in datasets}) == 4


# language → vocabulary, and how many of its sounds the shipped texts use; the others stand in foreign words.
SHIPPED = {
    "de": ("german_phones", 46),
    "en-us": ("english_phones", 54),
    "es": ("spanish_phones", 36),
    "fr-fr": ("french_phones", 37),
    "it": ("italian_phones", 41),
    "ru": ("russian_phones", 48),
    "tr": ("turkish_phones", 39),
}


@pytest.mark.parametrize("language", SHIPPED)
def test_shipped_vocabularies_hold_all_that_their_texts_need(language: str) -> None:
    tokens, sounds = SHIPPED[language]
    vocabulary, normalise = Vocabulary.from_file(TOKENS / f"{tokens}.json"), IpaNormaliser()
    spoken = EspeakPhonemes(language).batch(distinct_sentences(language, 1200, seed=11))
    used = {phoneme for phonemes in spoken for phoneme in normalise(phonemes)}
    assert used <= set(vocabulary.tokens)
    assert len(used - {"|"}) >= sounds


@pytest.mark.parametrize("language", SHIPPED)
def test_shipped_vocabularies_hold_what_voices_speak(language: str) -> None:
    vocabulary = Vocabulary.from_file(TOKENS / f"{SHIPPED[language][0]}.json")
    voices = (*TRAIN_VOICES[::4], *VAL_VOICES, *TEST_VOICES)
    for sentence, voice in zip(distinct_sentences(language, len(voices), seed=7), voices, strict=True):
        phonemes = speak(sentence, VoiceSettings(f"{language}+{voice}"), IpaNormaliser()).phonemes
        vocabulary.encode(phonemes or ())


# As people write them: with names, loan words, numbers and abbreviations.
WRITTEN = {
    "de": "Das Meeting in Chemnitz war cool, am 23. Mai gab es Jazz und ein Software-Update für 17 €.",
    "en-us": "It wasn't certain that Dr. Bach had written to Provence in 1984; the croissant cost $3.50.",
    "es": "El jazz de Huelva, un software, dos pizzas y 1984 guitarras: ¿qué pingüino cruzó Ibiza?",
    "fr-fr": "Ce week-end, M. Dupont fait du shopping ; 80 yaourts, un œuf, le smartphone et dix « deals ».",
    "it": "Gli gnomi dell'azienda volevano 88 pizze, uno yogurt, il computer e la Juventus a Trieste.",
    "ru": "Днк съёжилась; в 1984 году подъезд, щёлочь и джинсы стоили 17 рублей.",
    "tr": "Öğretmenler 1984'te İzmir'de kâğıt, jilet ve bilgisayar aldı; yağmur çok güçlüydü.",
}


@pytest.mark.parametrize("language", WRITTEN)
def test_shipped_vocabularies_hold_what_people_write(language: str) -> None:
    vocabulary = Vocabulary.from_file(TOKENS / f"{SHIPPED[language][0]}.json")
    vocabulary.encode(IpaNormaliser()(EspeakPhonemes(language)(WRITTEN[language])))


def test_british_english_is_another_language_than_the_english_vocabularys() -> None:
    vocabulary = Vocabulary.from_file(TOKENS / "english_phones.json")
    british = speak("the boat over there", VoiceSettings("en"), IpaNormaliser()).phonemes or ()
    assert {"əʊ", "eə"} <= set(british) - set(vocabulary.tokens)


def test_a_misspelt_variant_is_reported_with_the_reason(tmp_path: Path) -> None:
    prepared = _dataset(tmp_path, val_voices=("nobody",)).prepare("val", AudioParams())
    reasons = [skipped.reason for skipped in prepared.skipped()]
    assert len(reasons) == 4
    assert all("voice must be one" in reason and "'ru+nobody'" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"val_voices": ("m1",)}, r"train_voices and val_voices must share no voice, both have \['m1'\]"),
        ({"test_voices": ("m6",)}, r"val_voices and test_voices must share no voice"),
        ({"train_voices": ()}, "train_voices must name a voice"),
        ({"num_test": -1}, "num_test must not be negative, got -1"),
        ({"pitch": (60, 40)}, r"pitch must be \(lowest, highest\), got 60, 40"),
        ({"language": None}, "language must be given"),
    ],
)
def test_mistakes_are_named(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        _dataset(**arguments)


def test_a_texts_file_is_divided_among_the_splits(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(f"слово {number}" for number in range(20)), encoding="utf-8")
    splits = _splits(_dataset(texts_file=path))
    assert sorted(recording.text or "" for split in splits for recording in split) == sorted(
        path.read_text(encoding="utf-8").splitlines()
    )
    with pytest.raises(ValueError, match="holds 20 different ones, 21 are needed"):
        _dataset(texts_file=path, num_test=5)


def test_what_is_evaluated_on_does_not_depend_on_how_much_is_trained_on(tmp_path: Path) -> None:
    few, many = _dataset(), _dataset(num_train=300)
    assert list(few.recordings("val")) == list(many.recordings("val"))
    assert list(few.recordings("test")) == list(many.recordings("test"))
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(f"слово {number}" for number in range(50)), encoding="utf-8")
    few, many = _dataset(texts_file=path), _dataset(texts_file=path, num_train=40)
    assert list(few.recordings("test")) == list(many.recordings("test"))


def test_phonemes_are_spelled_as_the_configuration_says(tmp_path: Path) -> None:
    spelled = _dataset(tmp_path, normalisation=IpaNormaliser(mapping={"ɑ": "a"}))
    clips = spelled.prepare("val", AudioParams()).clips
    phonemes = {phoneme for index in range(len(clips)) for phoneme in clips[index].phonemes}
    assert "ɑ" not in phonemes
    assert "a" in phonemes
    assert (
        spelled.prepare("val", AudioParams()).fingerprint
        != _dataset(tmp_path).prepare("val", AudioParams()).fingerprint
    )


@pytest.mark.parametrize(("language", "nearest"), [("en_US", "en-us"), ("italian", "it"), ("zz", "")])
def test_a_language_without_a_voice_is_refused_at_once(language: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"one that espeak-ng speaks.*{nearest}"):
        _dataset(language=language)
