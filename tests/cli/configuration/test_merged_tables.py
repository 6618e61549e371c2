"""Tables with free keys over several files and options: one key more does not drop the others."""

import pytest
import yaml

from cli.configuration.merged_tables import merge_tables, with_merged_tables
from cli.phoneme_cli import PhonemeCLI

BASE = {
    "model": {
        "vocab_file": "dataset_modules/tokens/russian_phones.json",
        "network_config": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
        "optimizer_params": {"betas": [0.9, 0.98]},
    },
    "data": {"dataset_classes": []},
}


class ParsedOnly(PhonemeCLI):
    """The command line up to the parsed configuration."""

    def parse_arguments(self, parser, args):
        super().parse_arguments(parser, args)
        raise StopIteration(self.config.fit)


@pytest.fixture
def parsed(tmp_path):
    def parse(*files, options=()):
        arguments = ["fit"]
        for number, content in enumerate((BASE, *files)):
            path = tmp_path / f"{number}.yaml"
            path.write_text(yaml.safe_dump(content), encoding="utf-8")
            arguments += ["--config", str(path)]
        with pytest.raises(StopIteration) as stop:
            ParsedOnly([*arguments, *options])
        return stop.value.value.model

    return parse


def test_one_key_in_a_second_file_leaves_the_others(parsed):
    model = parsed({"model": {"network_config": {"hidden_dropout": 0.2}}})
    assert model.network_config == {**BASE["model"]["network_config"], "hidden_dropout": 0.2}
    assert model.optimizer_params == {"betas": [0.9, 0.98]}


def test_options_are_merged_too_in_their_order(parsed):
    options = ["--model.network_config", "{num_hidden_layers: 3}", "--model.network_config.layerdrop=1e-2"]
    model = parsed(options=options)
    expected = {**BASE["model"]["network_config"], "num_hidden_layers": 3, "layerdrop": 0.01}
    assert model.network_config == expected


def test_null_removes_a_key_and_replace_the_whole(parsed):
    assert (
        "num_hidden_layers"
        not in parsed({"model": {"network_config": {"num_hidden_layers": None}}}).network_config
    )
    model = parsed({"model": {"network_config": {"_replace": True, "hidden_size": 16}}})
    assert model.network_config == {"hidden_size": 16}


def test_a_table_that_stands_alone_is_left_to_the_parser():
    arguments = ["fit", "--model.a", "{b: 1}"]
    assert with_merged_tables(arguments, ["model.a"]) == arguments


def test_components_and_distributions_are_whole_values():
    first = {"model.lr": {"distribution": "uniform", "low": 0, "high": 1}}
    second = {"model.lr": {"distribution": "categorical", "choices": [1, 2]}}
    assert merge_tables([first, second]) == second
