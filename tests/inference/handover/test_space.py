"""A Space is a folder that runs by itself: code, requirements, card, and a model."""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from experiment.kept_search import KeptSearch, read_search, write_search
from inference.handover.model_card import Provenance
from inference.handover.space import write_space
from inference.recognizer import Recognizer
from installation import ROOT
from tests.cli.commands.conftest import experiment
from tests.inference.tiny_models import speech

__all__ = ["experiment"]


@pytest.fixture
def space(experiment, tmp_path):
    own = Path(experiment)
    (own / "config.yaml").write_text("data: {path: /home/somebody}\n", encoding="utf-8")
    write_search(own, KeptSearch(4, 0.0, 0.5, has_language_model=False))
    checkpoint = own / "checkpoints" / "best.ckpt"
    content = torch.load(checkpoint, weights_only=True)
    torch.save(content | {"optimizer_states": [{"exp_avg": torch.zeros(1)}]}, checkpoint)
    provenance = Provenance("my model: 1", {}, {"test_per": 0.25, "test_greedy_per": 0.5}, {})
    write_space(checkpoint, own, tmp_path / "space", provenance, ["ru", "it"], "mit")
    return tmp_path / "space"


def test_the_model_is_that_of_the_experiment_without_its_configuration(space, experiment):
    own = space / "experiments" / "my_model_1"
    assert sorted(path.name for path in own.iterdir()) == ["checkpoints", "decoding.json"]
    assert read_search(own) == KeptSearch(4, 0.0, 0.5, has_language_model=False)
    content = torch.load(own / "checkpoints" / "best.ckpt", weights_only=True)
    assert "optimizer_states" not in content
    found, expected = (
        Recognizer.from_checkpoint(f"{folder}/checkpoints/best.ckpt") for folder in (own, experiment)
    )
    assert found(speech(2.0), 16000) == expected(speech(2.0), 16000)


def test_card_and_command_are_those_of_a_space(space):
    _, front, text = (space / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    metadata = yaml.safe_load(front)
    assert (metadata["sdk"], metadata["license"], metadata["app_port"]) == ("docker", "mit", 7860)
    assert "PER (test): 25.0 %" in text
    last = (space / "Dockerfile").read_text(encoding="utf-8").splitlines()[-1]
    command = json.loads(last.removeprefix("CMD "))
    assert command[:7] == ["python", "main.py", "try", "my_model_1", "--language", "ru", "it"]
    assert (space / "requirements.txt").read_bytes() == (ROOT / "requirements.lock").read_bytes()


def test_an_installed_program_states_its_requirements(monkeypatch, tmp_path):
    from inference.handover import space as module

    declared = ["torch>=2", "phonemizer<4,>=3.4; extra == 'espeak'", "wandb; extra == 'wandb'"]
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: declared)
    assert module._requirements() == "torch>=2\nphonemizer<4,>=3.4\n"


@pytest.mark.slow
def test_the_folder_runs_alone(space):
    code = (
        "import sys, webpage.server; from cli.run import run; webpage.server.PageServer.serve_forever = "
        "lambda own: print(webpage.server.__file__, own.address); sys.exit(run(sys.argv[1:]))"
    )
    command = ["try", "my_model_1", "--language", "ru", "--port", "0", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=space,
        env={name: text for name, text in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(space / "webpage" / "server.py") in done.stdout
