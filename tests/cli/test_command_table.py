"""The table of commands: one list for ``run.sh``, ``main.py`` and their help."""

import importlib.util

import pytest

from cli.command_table import command_named, commands, help_of_all
from cli.run import run
from experiment.errors import ConfigError


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.name)
def test_every_command_runs_something(command):
    assert command.front_door in {"config", "paths", "local", "plain", "script"}
    module, _, function = command.runs.partition(":")
    if command.is_script:
        assert command.runs == "-"
    elif command.lightning:
        assert command.lightning[0] in {"fit", "validate", "test", "predict"}
    else:
        source = importlib.util.find_spec(module).loader.get_source(module)
        assert f"\ndef {function}(" in source


def test_the_help_lists_every_command_once_in_aligned_columns():
    lines = help_of_all().splitlines()
    entries = [line for line in lines if line.startswith("  ") and "run.sh" not in line]
    assert [line.split()[0] for line in entries] == [command.name for command in commands()]
    starts = {len(line) - len(line[14:].split("  ", 1)[-1].lstrip()) for line in entries}
    assert len(starts) == 1
    assert sum("run.sh " in line for line in lines[1:]) == 3
    groups = ["Train and evaluate", "Look at data", "Use a model", "Tools"]
    assert [line for line in lines if line in groups] == groups


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["--help"], 0), (["-h"], 0), (["help"], 0)])
def test_main_lists_all_commands(arguments, status, capsys):
    assert run(arguments) == status
    assert capsys.readouterr().out == help_of_all("python main.py")


def test_an_unknown_command_is_one_line_with_the_nearest(capsys):
    assert run(["trian"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        "error: unknown command 'trian'; nearest: train; the commands are: train tune study val "
    )
    assert len(error.splitlines()) == 1


def test_a_script_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"lock is a mode of ./run.sh alone: ./run.sh lock"):
        command_named("lock")


@pytest.mark.parametrize(("name", "ours"), [("fit", "train"), ("validate", "val"), ("test", "test")])
def test_lightnings_names_are_accepted(name, ours):
    assert command_named(name).name == ours


def test_the_versions_are_named(capsys):
    assert run(["--version"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ["phoneme-recognition", "revision", "Python", "torch", "CUDA"]
