"""How commands end that the system, or their user, does not let come to their end."""

import os
import signal
import sys

import pytest

import cli.commands.doctor
import cli.commands.language_model
import cli.run
from cli.run import run
from main import main
from stop_signals import stop_if_requested

TRACEBACK = "Traceback"


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("a b | a b\n", encoding="utf-8")
    return path


def test_a_reader_that_has_read_enough_ends_a_command_quietly(labels, tmp_path, monkeypatch, capsys):
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    with os.fdopen(writing_end, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert run(["lm", "--labels", str(labels), "--output", str(tmp_path / "lm.arpa")]) == 141
        stream.flush()  # as Python does at its end
    captured = capsys.readouterr().err
    assert TRACEBACK not in captured
    assert "error" not in captured


def test_what_the_system_refuses_is_one_line_and_status_1(labels, capsys):
    inside_a_file = labels / "deep" / "lm.arpa"
    assert run(["lm", "--labels", str(labels), "--output", str(inside_a_file)]) == 1
    error = capsys.readouterr().err
    assert error == f"error: lm: {inside_a_file.parent}: Not a directory\n"


def test_a_full_disk_is_one_line_and_status_1(labels, tmp_path, monkeypatch, capsys):
    def full(arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli.commands.language_model, "run_language_model", full)
    assert run(["lm"]) == 1
    assert capsys.readouterr().err == "error: lm: [Errno 28] No space left on device\n"


@pytest.mark.parametrize(
    ("command", "module", "function"),
    [
        ("lm", cli.commands.language_model, "run_language_model"),
        ("doctor", cli.commands.doctor, "run_doctor"),
    ],
)
def test_ctrl_c_is_one_line_and_status_130(command, module, function, monkeypatch, capsys):
    def interrupted(arguments):
        os.kill(os.getpid(), signal.SIGINT)
        stop_if_requested()

    monkeypatch.setattr(module, function, interrupted)
    assert run([command]) == 130
    assert capsys.readouterr().err.endswith("stopped by SIGINT\n")


def test_ctrl_c_before_a_command_begins_is_one_line(monkeypatch, capsys):
    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        stop_if_requested()

    monkeypatch.setattr(cli.run, "run", interrupted)
    assert main(["fit"]) == 130
    assert capsys.readouterr().err == "stopped by SIGINT\n"
