"""The tiers of label files, as options or the model's training state them."""

from argparse import Namespace
from pathlib import Path

import pytest
import yaml

from cli.commands.transcription.label_choice import label_choice

RECORDED = {"class_path": "dataset_modules.custom.CustomAudioDataset"}
SYNTHETIC = {"class_path": "dataset_modules.synthetic.SyntheticSpeechDataset", "init_args": {"num_val": 0}}


def model_of(folder: Path, *choices: dict) -> str:
    """Write the configuration of a training; return its checkpoint."""
    datasets = [RECORDED | {"init_args": {"label_tier": None, **choice}} for choice in choices]
    content = {"data": {"dataset_classes": [*datasets, SYNTHETIC], "language": "es"}}
    (folder / "checkpoints").mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(folder / "checkpoints/last.ckpt")


def test_tiers_are_those_of_the_training_unless_options_state_them(tmp_path):
    model = model_of(tmp_path, {"label_tier": "fonemas", "clip_tier": "frases"})
    assert label_choice(Namespace(), model) == {"label_tier": "fonemas", "clip_tier": "frases"}
    assert label_choice(Namespace(label_tier="words"), model) == {"label_tier": "words"}


@pytest.mark.parametrize("choices", [(), ({},), ({"label_tier": "a"}, {"label_tier": "b"})])
def test_a_training_without_one_choice_states_none(tmp_path, choices):
    assert label_choice(Namespace(), model_of(tmp_path, *choices)) == {}
    assert label_choice(Namespace(), "someone/model") == {}
