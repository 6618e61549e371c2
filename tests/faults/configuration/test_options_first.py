"""Options before the subcommand, as Lightning takes them, are refused as those behind it are."""

import os
import time
from pathlib import Path

import pytest
import yaml

from cli.run import run
from tests.faults.configuration.test_values import BASE, BOMB


@pytest.fixture
def refused(tmp_path, capsys):
    """Run a command line that must be refused soon; return the message."""

    def run_refused(*arguments):
        before = time.monotonic()
        status = run([str(argument) for argument in arguments])
        message = capsys.readouterr().err
        assert status == 2, message
        assert "Traceback" not in message
        assert time.monotonic() - before < 30
        return message

    return run_refused


def _pipe(path):
    os.mkfifo(path)


def _endless(path):
    path.symlink_to("/dev/zero")


def _bomb(path):
    path.write_text(BOMB)


def _bomb_inside(path):
    path.write_text(yaml.safe_dump({"fit": BASE}) + BOMB)


def _python(path):
    path.write_text("fit: !!python/object/apply:os.system [true]")


def _latin(path):
    path.write_bytes(b"fit: \xff")


@pytest.mark.parametrize(
    "make", [_pipe, _endless, _bomb, _bomb_inside, _python, _latin, Path.touch, Path.mkdir]
)
def test_a_file_that_no_run_can_use(refused, tmp_path, make):
    make(tmp_path / "c.yaml")
    assert "c.yaml" in refused("--config", tmp_path / "c.yaml", "fit")


@pytest.mark.parametrize("name", ["--fit.model.network_config", "--fit.optuna.search_spaces", "--fit.model"])
@pytest.mark.parametrize("joined", [True, False])
def test_an_option_that_would_grow(refused, name, joined):
    assert "must have at most" in refused(*([f"{name}={BOMB}"] if joined else [name, BOMB]), "fit")


@pytest.mark.parametrize(
    "name", ["--data.augmentations", "--trainer.callbacks", "--data.dataset_classes", "--trainer.logger"]
)
def test_a_dotted_option_that_would_grow(refused, tmp_path, name):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(BASE))
    assert "must have at most" in refused("train", path, name, BOMB)
    assert "must have at most" in refused("fit", "--config", path, f"{name}+={BOMB}")
