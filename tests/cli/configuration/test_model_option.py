"""``--model`` of evaluations: Hugging Face models, experiments, checkpoints, and sections in YAML."""

import json

import pytest

from cli.configuration.model_option import choose_model, names_huggingface, with_model_first
from experiment.errors import ConfigError


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A Hugging Face model, and an experiment with a best checkpoint."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf/config.json").write_text("{}")
    checkpoints = tmp_path / "experiments/demo/checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "a.ckpt").write_bytes(b"")
    record = {"path": "a.ckpt", "monitor": "val_per", "score": 0.5}
    (checkpoints / "best.json").write_text(json.dumps(record))
    return tmp_path


def test_a_folder_of_transformers_and_a_hub_id_are_taken_out(folders):
    for name in ("hf", "someone/recogniser"):
        chosen = choose_model(["test", "--config", "a.yaml", f"--model={name}", "--data.language", "it"])
        assert chosen.arguments == ["test", "--config", "a.yaml", "--data.language", "it"]
        assert chosen.huggingface == name


def test_an_experiment_becomes_its_best_checkpoint(folders):
    chosen = choose_model(["validate", "--model", "demo"])
    assert chosen.huggingface is None
    assert chosen.arguments == ["validate", "--ckpt_path", "experiments/demo/checkpoints/a.ckpt"]


def test_a_section_in_yaml_and_keys_of_the_model_stay(folders):
    arguments = ["fit", "--model", "model.yaml", "--model.lr", "1"]
    assert choose_model(arguments).arguments == arguments


def test_training_names_its_model_otherwise(folders):
    with pytest.raises(ConfigError, match="--model.pretrained_name hf"):
        choose_model(["fit", "--model", "hf"])


@pytest.mark.parametrize(
    "name", ["demo", "experiments/none", "nowhere.ckpt", "/nowhere/model", "./model", "hf/none"]
)
def test_local_names_are_no_hub_ids(folders, name):
    assert not names_huggingface(name)


def test_transcription_takes_it_in_any_place():
    assert with_model_first(["a.wav", "--model", "hf", "-"]) == ["hf", "a.wav", "-"]
    assert with_model_first(["hf", "a.wav"]) == ["hf", "a.wav"]
