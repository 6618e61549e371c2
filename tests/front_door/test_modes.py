"""What ./run.sh accepts, refuses and passes on, in the container and in .venv."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from cli.command_table import commands, help_of_all

AWKWARD = ["--a", "two words", "it's", 'a "quoted" word', "$HOME *", "", "line\nbreak", "--b={x: [1, 2]}"]


def the_line(text: str) -> str:
    """Return the only line of an output."""
    (line,) = text.splitlines()
    return line


def test_unknown_command_is_one_line_that_lists_the_commands_and_status_2(bare_front_door):
    result = bare_front_door.run("trian", "config/config.yaml")
    assert result.returncode == 2
    names = " ".join(sorted(command.name for command in commands()))
    assert the_line(result.stderr).rstrip() == f"run.sh: unknown command 'trian'; the commands are: {names}"


@pytest.mark.parametrize("mode", ["tr ain", "train val", "mode_train", "--config", "*"])
def test_only_a_whole_name_is_a_mode(bare_front_door, mode):
    assert bare_front_door.run(mode).returncode == 2


def test_no_command_is_the_help_and_status_2(bare_front_door):
    result = bare_front_door.run()
    assert result.returncode == 2
    assert result.stdout == bare_front_door.run("--help").stdout


@pytest.mark.parametrize("argument", ["help", "--help", "-h"])
def test_help_is_that_of_main_and_needs_no_python(bare_front_door, argument):
    result = bare_front_door.run(argument)
    assert result.returncode == 0
    assert result.stdout.startswith(help_of_all())


@pytest.mark.parametrize("command", filter(lambda one: one.is_script, commands()), ids=lambda one: one.name)
def test_the_help_of_a_script_is_its_line_of_the_table_and_prepares_nothing(bare_front_door, command):
    for option in ("--help", "-h"):
        result = bare_front_door.run(command.name, option)
        assert result.returncode == 0
        assert result.stdout == f"Usage: ./run.sh {command.name} {command.arguments}\n\n{command.does}\n"


def test_every_script_of_the_table_is_a_function(repository):
    script = (repository / "run.sh").read_text()
    functions = set(re.findall(r"^mode_(\w+)\(\)", script, re.MULTILINE)) - {"help"}
    assert functions == {command.name for command in commands() if command.is_script}


def test_versions_come_from_main(prepared):
    assert prepared.run("--version").returncode == 0
    assert prepared.calls() == [["python", "main.py", "--version"]]


def test_a_new_mode_is_one_function_and_one_line(prepared):
    script, table = prepared.folder / "run.sh", prepared.folder / "cli/command_table.txt"
    script.write_text(
        script.read_text().replace("\nmain() {", "\nmode_dance() { echo dancing; }\n\nmain() {")
    )
    table.write_text(table.read_text() + "dance | script | - | | dance\n")
    assert prepared.run("dance").stdout == "dancing\n"
    assert " dance " in prepared.run("sing").stderr


def test_a_new_command_is_one_line(prepared):
    table = prepared.folder / "cli/command_table.txt"
    table.write_text(table.read_text() + "dance | plain | cli.commands.dance:run_dance | STEP | dance\n")
    assert prepared.run("dance", "waltz").returncode == 0
    assert prepared.calls() == [["python", "main.py", "dance", "waltz"]]


@pytest.mark.parametrize("mode", ["train", "tune", "val", "test", "predict", "doctor"])
def test_modes_are_commands_of_main(prepared, mode):
    assert prepared.run(mode, "config/config.yaml").returncode == 0
    assert prepared.calls() == [["python", "main.py", mode, "--config", "config/config.yaml"]]


def test_report_names_experiments_and_no_configuration(prepared):
    assert prepared.run("report", "demo", "demo_2").returncode == 0
    assert prepared.calls() == [["python", "main.py", "report", "demo", "demo_2"]]


def test_transcribe_takes_the_callers_files_from_any_folder(prepared):
    elsewhere = prepared.folder / "data" / "my speech"
    elsewhere.mkdir(parents=True)
    (elsewhere / "a.wav").touch()
    result = prepared.run("transcribe", "demo", "a.wav", "-", "--output", "out", cwd=elsewhere)
    assert result.returncode == 0
    arguments = ["demo", "data/my speech/a.wav", "-", "--output", "data/my speech/out"]
    assert prepared.calls() == [["python", "main.py", "transcribe", *arguments]]


def test_export_passes_its_arguments_to_main(prepared):
    assert prepared.run("export", "demo", "--to", "hf").returncode == 0
    assert prepared.calls() == [["python", "main.py", "export", "demo", "--to", "hf"]]


def test_vocabulary_passes_its_arguments_to_main(prepared):
    assert prepared.run("vocabulary", "build", "--texts", "a b.txt").returncode == 0
    assert prepared.calls() == [["python", "main.py", "vocabulary", "build", "--texts", "a b.txt"]]


def test_missing_configuration_is_one_line_and_status_2_before_anything_is_prepared(front_door):
    result = front_door.run("train", "config/absent.yaml")
    assert result.returncode == 2
    assert the_line(result.stderr) == "run.sh: no such configuration file: 'config/absent.yaml'"
    assert not (front_door.folder / ".venv").exists()


@pytest.mark.parametrize("argument", ["data/starts/prompts", "data/starts/prompts/"])
def test_a_folder_with_a_configuration_is_answered_with_its_file(front_door, argument):
    folder = front_door.folder / "data/starts/prompts"
    folder.mkdir(parents=True)
    (folder / "config.yaml").touch()
    result = front_door.run("train", argument)
    assert result.returncode == 2
    assert the_line(result.stderr).endswith("name the file in it: 'data/starts/prompts/config.yaml'")


@pytest.mark.parametrize("argument", ["", "config"])
def test_a_configuration_must_be_a_file(front_door, argument):
    assert front_door.run("train", argument).returncode == 2


@pytest.mark.parametrize("arguments", [[], ["--model.lr", "0.1"]])
def test_without_configuration_the_default_is_used_and_reported(prepared, arguments):
    result = prepared.run("train", *arguments)
    assert "config/config.yaml is used" in result.stderr
    assert prepared.calls() == [["python", "main.py", "train", "--config", "config/config.yaml", *arguments]]


def test_missing_default_configuration_is_one_line_and_status_2(prepared):
    (prepared.folder / "config/config.yaml").unlink()
    result = prepared.run("train")
    assert result.returncode == 2
    assert "no such configuration file" in the_line(result.stderr)


@pytest.mark.parametrize("named", [["--config", "x.yaml"], ["--config=x.yaml"], ["-c", "x.yaml"]])
def test_configurations_named_by_option_stand_alone(prepared, named):
    prepared.run("train", "--model.lr", "1", *named)
    assert prepared.calls() == [["python", "main.py", "train", "--model.lr", "1", *named]]


def test_configuration_may_be_relative_to_the_caller(prepared, tmp_path: Path):
    (tmp_path / "my.yaml").touch()
    prepared.run("train", "my.yaml", cwd=tmp_path)
    prepared.run("train", "../config/config.yaml", cwd=prepared.folder / "front_door")
    prepared.run("train", "config/config.yaml", cwd=tmp_path)
    assert [call[4] for call in prepared.calls()] == [
        str(tmp_path / "my.yaml"),
        "config/config.yaml",
        "config/config.yaml",
    ]


@pytest.mark.parametrize("place", ["prepared", "contained"])
def test_arguments_arrive_untouched(request, place):
    front_door = request.getfixturevalue(place)
    front_door.run("train", "config/config.yaml", *AWKWARD)
    assert front_door.calls("python") == [
        ["python", "main.py", "train", "--config", "config/config.yaml", *AWKWARD]
    ]


@pytest.mark.parametrize("place", ["prepared", "contained"])
@pytest.mark.parametrize("status", ["0", "1", "2", "130", "143"])
def test_exit_status_of_python_is_passed_on(request, place, status):
    front_door = request.getfixturevalue(place)
    assert front_door.run("val", "config/config.yaml", STATUS=status).returncode == int(status)


@pytest.mark.parametrize("place", ["prepared", "contained"])
@pytest.mark.parametrize("mode", ["train", "check"])
def test_sigterm_reaches_python_whose_status_is_passed_on(request, place, mode):
    front_door = request.getfixturevalue(place)
    process = front_door.start(mode, WAIT_FOR_SIGNAL="1")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 143
    assert front_door.calls("signal") == [["signal", "TERM"]]
    assert len(front_door.calls("python")) == 1  # after a signal `check` starts nothing more


@pytest.mark.parametrize("place", ["prepared", "contained"])
@pytest.mark.parametrize("mode", ["train", "check"])
def test_interrupt_reaches_python_whose_status_is_passed_on(request, place, mode):
    front_door = request.getfixturevalue(place)
    process = front_door.start(mode, WAIT_FOR_SIGNAL="1")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130
    assert front_door.calls("signal") == [["signal", "INT"]]


@pytest.mark.parametrize("place", ["prepared", "contained"])
def test_messages_go_to_standard_error_only(request, place):
    result = request.getfixturevalue(place).run("train", "--print_config")
    assert result.stdout == ""
    assert result.stderr.count("run.sh: ") == 2


@pytest.mark.parametrize("place", ["prepared", "contained"])
def test_shell_runs_one_command_in_the_environment(request, place):
    front_door = request.getfixturevalue(place)
    assert front_door.run("shell", "python", "-m", "x", "a b", STATUS="3").returncode == 3
    assert front_door.calls("python") == [["python", "-m", "x", "a b"]]


@pytest.mark.parametrize("place", ["prepared", "contained"])
def test_check_runs_every_tool_with_the_tests_last(request, place):
    front_door = request.getfixturevalue(place)
    assert front_door.run("check", "-k", "a b").returncode == 0
    assert [call[2:] for call in front_door.calls("python")] == [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["pytest", "-k", "a b"],
    ]


def test_all_tests_share_the_processors(prepared):
    assert prepared.run("check").returncode == 0
    called = prepared.calls("python")[-1][2:]
    assert called == ["pytest", "-n", "auto", "--maxprocesses", "8", "--dist", "loadfile"]


def test_docs_serves_from_the_local_environment_that_gets_mkdocs_once(prepared):
    prepared.add_engine()
    assert prepared.run("docs").returncode == 0
    (install,) = prepared.calls("uv")
    assert install[-6:] == ["-r", "pyproject.toml", "--extra", "docs", "-c", "requirements-dev.lock"]
    assert prepared.calls("python") == [["python", "-m", "mkdocs", "serve"]]
    prepared.run("docs", "build")
    assert prepared.calls("python")[1:] == [["python", "-m", "mkdocs", "build"]]
    assert len(prepared.calls("uv")) == 1
    assert prepared.calls("venv") == prepared.calls("docker") == []


def test_docs_refuses_other_words(front_door):
    result = front_door.run("docs", "biuld")
    assert result.returncode == 2
    assert "biuld" in the_line(result.stderr)


@pytest.mark.parametrize("tool", ["ruff check", "ruff format", "mypy", "pytest"])
def test_check_fails_if_any_tool_fails_and_still_runs_the_others(prepared, tool):
    result = prepared.run("check", FAILING=f"-m {tool}")
    assert result.returncode != 0
    assert len(prepared.calls("python")) == 4
    if tool != "pytest":
        assert f"failed so far: {tool} (5)" in result.stderr


def test_continuous_integration_is_check(prepared, repository):
    script = prepared.folder / ".ci/run"
    script.parent.mkdir()
    script.write_bytes((repository / ".ci/run").read_bytes())
    script.chmod(0o755)
    assert "./run.sh check" in script.read_text()
    (prepared.folder / "run.sh").write_text('#!/usr/bin/env bash\necho "$PWD $*"\nexit 7\n')
    result = subprocess.run(
        [script], cwd="/", env=prepared.environment(), capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.returncode) == (f"{prepared.folder} check\n", 7)


@pytest.mark.parametrize("option", ["--help", "-h", "--help-all"])
def test_the_help_of_a_command_needs_no_configuration(prepared, option):
    result = prepared.run("train", option)
    assert result.returncode == 0
    assert "no configuration given" not in result.stderr
    assert prepared.calls("python")[-1] == ["python", "main.py", "train", option]


@pytest.mark.parametrize(
    "arguments", [("tr\x1b[2Jain",), ("train", "a\x1b[2J\x07\n.yaml"), ("install", "x\x1b[2J")]
)
def test_foreign_control_characters_do_not_reach_the_terminal(bare_front_door, arguments):
    result = bare_front_door.run(*arguments)
    assert result.returncode == 2
    assert the_line(result.stderr).isprintable()
