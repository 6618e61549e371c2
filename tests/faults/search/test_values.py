"""A search keeps values as they are written, and says what is wrong with its journal."""

import json

import pytest
import yaml

from cli.configuration.parser import PhonemeArgumentParser
from cli.configuration.sections import OptunaSection
from untrusted.yaml_text import dump_yaml, parse_yaml

WRITTEN = ["no", "1e-3", "null", "yes", "1", "[a, b]", "~", "2024-01-01", "мост", "a: b", False, 1, 0.5, None]


@pytest.fixture
def parser():
    parser = PhonemeArgumentParser()
    parser.add_argument("--optuna", type=OptunaSection, default=OptunaSection())
    return parser


@pytest.mark.parametrize("value", [value for value in WRITTEN if value != "1e-3"])
def test_choices_stay_as_they_are_written(parser, value):
    nested = {"class_path": "m.C", "init_args": {"mode": value, "modes": [value]}}
    space = {"distribution": "categorical", "choices": [value, [value], nested], "when": {"a": value}}
    text = dump_yaml({"optuna": {"search_spaces": {"model.x": space}}})
    parsed = parser.parse_string(text)
    dumped = yaml.safe_load(parser.dump(parsed, skip_unset=False))  # as the command line does
    read = dumped["optuna"]["search_spaces"]["model.x"]
    assert json.dumps([read["choices"], read["when"]]) == json.dumps([space["choices"], space["when"]])


@pytest.mark.parametrize("value", WRITTEN)
def test_a_trials_configuration_is_read_as_it_was_written(value):
    assert parse_yaml(dump_yaml({"a": [value]}), "f") == {"a": [value]}
