"""The help of a command shows its own options first, with their defaults, within a second."""

import re

import pytest

import cli.run
from cli.command_table import commands
from cli.configuration.tool_parser import parser_of
from cli.run import run
from cli.schema.reference_pages import with_blocks
from installation import PROGRAM

TRAINING = [command for command in commands() if command.takes_config]
TOOLS = [command for command in commands() if not command.takes_config and not command.is_script]


@pytest.mark.parametrize("command", TRAINING, ids=lambda command: command.name)
def test_training_shows_its_own_options_without_heavy_imports(command, capsys, monkeypatch):
    monkeypatch.setattr(cli.run, "_run_cli", None)  # it would import them
    assert run([command.name, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: {PROGRAM} {command.name} ")
    assert text.index("--model.vocab_file") < text.index("--trainer.max_epochs")
    assert "utterances per batch and device. [a whole number] (default: 8)" in re.sub(r"\s+", " ", text)
    assert "--trainer.barebones" not in text  # only in --help-all
    assert len(text.splitlines()) < 300


@pytest.mark.parametrize("command", ["val", "test", "predict"])
def test_an_evaluation_names_the_option_of_its_model_first(command, capsys):
    assert run([command, "--help"]) == 0
    assert "  --model  " in capsys.readouterr().out.partition("--model.vocab_file")[0]


def test_a_value_may_be_the_word_help(monkeypatch):
    monkeypatch.setattr(cli.run, "_run_cli", lambda _: 7)
    assert run(["train", "config/demo.yaml", "--custom_folder_name", "help"]) == 7


def test_a_command_of_its_own_options_names_them_first(capsys):
    assert run(["doctor", "config/demo.yaml", "--help"]) == 0
    text = capsys.readouterr().out
    assert text.index("Of doctor alone\n  --audio") < text.index("--model.vocab_file")


def test_help_all_is_that_of_the_parser(capsys):
    with pytest.raises(SystemExit) as end:
        run(["train", "--help-all"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert "--trainer.barebones" in text
    assert "--model.lr" in text


@pytest.mark.parametrize("command", TOOLS, ids=lambda command: command.name)
def test_every_tool_has_a_parser_for_help_reference_and_completion(command):
    assert parser_of(command).prog.endswith(f" {command.name}")


def test_a_tool_shows_defaults(capsys):
    with pytest.raises(SystemExit):
        run(["transcribe", "--help"])
    assert "overlap of the windows (default: 4.0)" in re.sub(r"\s+", " ", capsys.readouterr().out)


def test_a_page_keeps_what_stands_around_the_generated_parts():
    page = "before\n<!-- generated: a -->old<!-- end of a -->\nafter"
    written = with_blocks(page, {"a": "new | 1", "b": "unused"})
    assert written == "before\n<!-- generated: a -->\n\nnew | 1\n<!-- end of a -->\nafter"
    assert with_blocks(written, {"a": "new | 1"}) == written
