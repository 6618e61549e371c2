"""The language of the data chooses the vocabulary; a wrong one is refused wherever it is given."""

import pytest
from jsonargparse import Namespace

from cli.configuration.fact_checks import chosen_vocabulary
from cli.run import run
from experiment.errors import ConfigError
from phonetics.languages import check_language


def section(vocab_file=None, language=None, *own):
    datasets = [Namespace(class_path="x", init_args=Namespace(language=one)) for one in own]
    return Namespace(
        model=Namespace(vocab_file=vocab_file), data=Namespace(language=language, dataset_classes=datasets)
    )


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (section(None, "it", None), "italian_phones.json"),
        (section(None, "ru", "en-us"), "english_phones.json"),
        (section(None, "en-us", None, "en-us"), "english_phones.json"),
        (section("mine.json", "it", None), "mine.json"),
    ],
)
def test_null_takes_the_vocabulary_of_the_language(given, name):
    assert chosen_vocabulary(given).endswith(name)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (section(None, "sw", None), "none for sw"),
        (section(None, None, "it", "ru"), "none for it and ru"),
        (section(None, None, None), "data without a language"),
    ],
)
def test_without_a_vocabulary_the_message_says_what_to_do(given, message):
    with pytest.raises(ConfigError, match=message):
        chosen_vocabulary(given)


@pytest.mark.parametrize(
    "language", ["it", "en-us", "zh-CN", "deu-Latn", "chr-US-Qaaa-x-west", "piqd", "en_US"]
)
def test_codes_pass(language):
    check_language("data", language)


@pytest.mark.parametrize("command", ["train", "tune", "doctor", "test"])
def test_a_wrong_language_is_refused_before_anything_is_read(command, capsys):
    assert run([command, "config/demo.yaml", "--data.language", "italian"]) == 2
    assert "nearest: it" in capsys.readouterr().err
