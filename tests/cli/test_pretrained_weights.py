"""Pretrained weights are read where a run begins from them, and only there."""

import json

import pytest
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from cli.run import run
from tests.journeys.configuration import configuration, sentences, written
from tests.models.conftest import TINY

READ = "model: encoder from "


@pytest.fixture
def command(tmp_path, tiny_cache_dir, capfd):
    """Run a command; what it said."""
    folder = tmp_path / "pretrained"
    Wav2Vec2ForCTC(Wav2Vec2Config(**TINY["Wav2Vec2"], vocab_size=9)).save_pretrained(folder)
    content = configuration(
        tmp_path,
        custom_folder_name="tuned",
        write_report=False,
        model={"pretrained_name": str(folder), "network_config": None, "freeze_feature_extractor": True},
        data={"dataset_classes": sentences(12, 4, 4, cache_dir=str(tiny_cache_dir)), "batch_size": 8},
        trainer={"max_epochs": 1, "enable_model_summary": False},
    )
    config = written(tmp_path / "config.yaml", content)

    def command(name, *overrides):
        capfd.readouterr()
        assert run([name, "--config", str(config), *overrides]) == 0
        return capfd.readouterr().err

    return command


@pytest.mark.slow
def test_they_are_read_where_a_run_begins_from_them(command, tmp_path):
    assert command("fit").count(READ) == 1
    trained = json.loads((tmp_path / "experiments/tuned/metrics.json").read_text())
    assert READ not in command("test")
    (evaluated,) = (tmp_path / "experiments/tuned/evaluations").glob("test*/metrics.json")
    assert json.loads(evaluated.read_text())["test_loss"] == trained["test_loss"]
    resumed = command("fit", "--ckpt_path", "last", "--trainer.max_epochs", "2")
    assert READ not in resumed
    assert "resuming after step 2: epoch 1" in resumed
    assert READ in command("fit", "--ckpt_path", "last", "--only_weights_load", "true")
