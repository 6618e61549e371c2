"""Checkpoints that do not belong to a configuration."""

import json

import pytest
from jsonargparse import Namespace

from experiment.checkpoint import Checkpoint
from experiment.checkpoint_checks import check_checkpoint
from experiment.errors import ConfigError


def test_another_vocabulary_is_refused_and_the_experiments_own_is_named(tmp_path):
    (tmp_path / "new.json").write_text(json.dumps({"[PAD]": 0, "sː": 1}), encoding="utf-8")
    (tmp_path / "checkpoints").mkdir()
    own = tmp_path / "vocab.json"
    own.write_text(json.dumps({"[PAD]": 0, "ss": 1}), encoding="utf-8")
    content = {"state_dict": {}, "phoneme_recognizer": {"vocabulary": ["[PAD]", "ss"]}}
    model = Namespace(map_vocabulary=False, vocab_file=str(tmp_path / "new.json"))
    with pytest.raises(ConfigError, match=f"--model.vocab_file {own}"):
        check_checkpoint(
            Checkpoint(tmp_path / "checkpoints" / "last.ckpt", content),
            Namespace(only_weights_load=False, model=model),
        )
