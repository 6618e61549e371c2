"""The configuration offers a data set's own arguments and those that it passes on to the base."""

import inspect

import pytest
from jsonargparse import ArgumentParser, Namespace

from dataset_modules.base_dataset import BaseDataset

PATHS = (
    "dataset_modules.common_voice.CommonVoiceDataset",
    "dataset_modules.custom.CustomAudioDataset",
    "dataset_modules.synthetic.SyntheticSpeechDataset",
    "dataset_modules.timit.TimitDataset",
)
OWN_LABELS = ("SyntheticSpeechDataset", "TimitDataset")  # they take no backend


def _parse(path: str, **arguments: str) -> Namespace:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(BaseDataset, "data")
    given = arguments | ({"folder": "timit"} if path.endswith("TimitDataset") else {})
    return parser.parse_args([f"--data={path}", *(f"--data.{name}={value}" for name, value in given.items())])


def _base_defaults(path: str) -> dict[str, object]:
    parameters = list(inspect.signature(BaseDataset.__init__).parameters.values())[1:]
    names = {parameter.name: parameter.default for parameter in parameters}
    if path.endswith(OWN_LABELS):
        del names["text_to_phonemes"]
    return names


@pytest.mark.parametrize("path", PATHS)
def test_all_arguments_of_the_base_are_accepted_with_their_defaults(path: str) -> None:
    expected = _base_defaults(path)
    if path.endswith("TimitDataset"):
        expected |= {"language": "en-us", "max_skipped_share": 0.1}
    values = _parse(path).data.init_args
    assert {name: values[name] for name in expected} == expected
    assert ("text_to_phonemes" in values) == ("text_to_phonemes" in expected)
    assert not {"options", "kwargs"} & set(vars(values))


@pytest.mark.parametrize("path", PATHS)
def test_a_misspelt_key_is_refused_by_name(path: str) -> None:
    with pytest.raises(Exception, match="'mx_seconds' is not accepted"):
        _parse(path, mx_seconds="3")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("name", "value"), [("max_seconds", "lots"), ("audio_storage", "mp3")])
def test_a_value_of_another_type_is_refused_by_name(path: str, name: str, value: str) -> None:
    with pytest.raises(Exception, match=f'(?s)Parser key "{name}".*{value}'):
        _parse(path, **{name: value})


@pytest.mark.parametrize("path", PATHS)
def test_help_describes_every_argument(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    parser.add_subclass_arguments(BaseDataset, "data")
    with pytest.raises(SystemExit):
        parser.parse_args([f"--data.help={path}"])
    text = " ".join(capsys.readouterr().out.split())
    for name in _base_defaults(path):
        assert f"--data.{name}" in text
    assert "recordings whose peak lies below this" in text
    assert "the share of unusable recordings above which a run stops" in text
