"""Bash completes the commands of ``run.sh``, their options, and choices."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cli.command_table import commands

ROOT = Path(__file__).parents[2]
TRAINING = [command.name for command in commands() if command.takes_config]


def completed(*words):
    """What bash offers for the last word."""
    words_of_bash = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _phonemes'
    script = words_of_bash + '; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        [shutil.which("bash"), "-c", script, "bash", str(ROOT / "front_door/completion.bash"), *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_commands_are_completed():
    assert completed("./run.sh", "tra") == ["train", "transcribe"]
    assert set(completed("./run.sh", "")) == {command.name for command in commands()} | {
        "--help",
        "--version",
    }


@pytest.mark.parametrize("command", TRAINING)
def test_keys_of_the_configuration_are_completed(command):
    offered = completed("./run.sh", command, "config/demo.yaml", "--model.l")
    assert offered[:2] == ["--model.lr", "--model.layer_decay"]
    assert completed("./run.sh", command, "--trainer.max_e") == ["--trainer.max_epochs"]


def test_a_command_has_its_own_options():
    assert "--audio" in completed("./run.sh", "doctor", "--aud")
    assert "--audio" not in completed("./run.sh", "train", "--aud")
    assert completed("phonemes", "transcribe", "demo", "--overw") == ["--overwrite"]
    assert "--min_count" in completed("./run.sh", "vocabulary", "build", "--")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["transcribe", "demo", "--format", "te"], ["text", "textgrid"]),
        (["train", "--model.network_name", "Wav2Vec2"], ["Wav2Vec2", "Wav2Vec2Bert"]),
        (["train", "--model.compile", ""], ["true", "false"]),
        (["vocabulary", "b"], ["build"]),
        (["train", "config/d"], []),  # left to bash, which completes files
    ],
)
def test_choices_are_completed(words, offered):
    assert completed("./run.sh", *words) == offered
