"""What a card says of languages, of the making of labels, and of licences, data set by data set."""

import pytest
import yaml

from inference.handover.label_sources import label_sources
from inference.handover.model_card import Provenance, model_card
from tests.inference.tiny_models import VOCABULARY

PACKAGES = {"phonemizer": "3.4.0", "espeakng-loader": "0.2", "epitran": "1.35.3"}
LEXICON = "phonetics.LexiconPhonemes"
DICTIONARY = {"class_path": LEXICON, "init_args": {"path": "cmudict", "fallback": "none"}}


def dataset(name, **arguments):
    return {"class_path": f"dataset_modules.x.{name}", "init_args": arguments}


def described(data):
    return [source.described(PACKAGES) for source in label_sources(data)]


def card(*datasets, **data):
    configuration = {"data": {"dataset_classes": list(datasets), **data}}
    text = model_card(Provenance("demo", configuration, {}, {"packages": PACKAGES}), VOCABULARY, "hf")
    return text, yaml.safe_load(text.split("---")[1])


def test_a_data_sets_own_choices_go_over_the_sections():
    own = dataset("CustomAudioDataset", language="de", text_to_phonemes="epitran")
    left_open = dataset("CommonVoiceDataset", language=None, text_to_phonemes=None)
    data = {"language": "ru", "text_to_phonemes": "espeak", "dataset_classes": [own, left_open]}
    assert described(data) == [
        "- CustomAudioDataset (de): texts converted to phonemes by `epitran` (epitran 1.35.3), "
        "where the data contains none.",
        "- CommonVoiceDataset (ru): texts converted to phonemes by `espeak` (phonemizer 3.4.0, "
        "espeakng-loader 0.2), where the data contains none.",
    ]


@pytest.mark.parametrize(
    ("choice", "backends"),
    [
        ("espeak", ("espeak",)),
        ("none", ()),
        ({"class_path": "phonetics.EspeakPhonemes"}, ("espeak",)),
        (DICTIONARY, (LEXICON,)),
        (
            {"class_path": "phonetics.LexiconPhonemes", "init_args": {}},
            ("phonetics.LexiconPhonemes", "espeak"),
        ),
        ({"class_path": "mine.Rules", "init_args": {"speed": 3}}, ("mine.Rules",)),
    ],
)
def test_what_makes_phonemes_is_named_with_its_fallback(choice, backends):
    data = {"dataset_classes": [dataset("CommonVoiceDataset", text_to_phonemes=choice)]}
    assert label_sources(data)[0].backends == backends


def test_data_that_bring_phonemes_name_no_maker_of_labels():
    text, head = card(dataset("TimitDataset", language="en-us"), language="ru", text_to_phonemes="espeak")
    assert "- TimitDataset (en-us): the data contains its phonemes." in text
    assert "Linguistic Data Consortium" in text
    assert "espeak" not in text
    assert head["language"] == ["en"]


def test_a_data_set_that_chooses_espeak_for_itself_is_told_in_the_licences():
    chosen = dataset("CustomAudioDataset", text_to_phonemes={"class_path": "phonetics.EspeakPhonemes"})
    text, _ = card(chosen, text_to_phonemes="none", language="ru")
    assert "Labels converted from texts: phonemizer and espeak-ng (GPL-3.0" in text
    assert (
        "Labels converted from texts" not in card(dataset("CustomAudioDataset"), text_to_phonemes="none")[0]
    )


def test_the_head_has_all_languages_once():
    languages = [dataset("CommonVoiceDataset", language=name) for name in ("de", "en-us", "en-gb", None)]
    assert card(*languages, language="ru")[1]["language"] == ["de", "en", "ru"]
