"""Checkpoints that do not belong to a configuration."""

import json

import pytest
from jsonargparse import Namespace

from dataset_modules.batches.audio_params import AudioParams
from experiment.checkpoint import Checkpoint
from experiment.checkpoint_checks import check_checkpoint
from experiment.errors import ConfigError
from phonetics import Vocabulary

ADAPTER = {"kind": "lora", "rank": 4, "alpha": 8.0, "targets": None, "dropout": 0.05}
INNER = {"layers": [2, 1], "weight": 0.3, "self_conditioning": True}


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


@pytest.fixture
def check(tmp_path):
    """Check a checkpoint with some additions against a configuration with others."""
    vocabulary = Vocabulary(("[PAD]", "a"))
    (tmp_path / "vocab.json").write_text(vocabulary.to_json(), encoding="utf-8")

    def run(theirs, their_adapter, **ours):
        network = {"model_type": "wav2vec2", "num_hidden_layers": 3, **theirs}
        described = {
            "vocabulary": list(vocabulary.tokens),
            "audio_params": {"sampling_rate": 16000},
            "network_config": json.dumps(network),
            "adapter": their_adapter,
        }
        content = {"state_dict": {}, "loops": {}, "pytorch-lightning_version": "2.6.6"}
        unset = dict.fromkeys(
            ("intermediate_ctc", "adapter", "pretrained_name", "network_config", "network_name")
        )
        named = {"map_vocabulary": False, "vocab_file": str(tmp_path / "vocab.json"), "layer_mix": False}
        section = Namespace(
            only_weights_load=False, audio_params=AudioParams(), model=Namespace(unset | named | ours)
        )
        path = tmp_path / "checkpoints/last.ckpt"
        check_checkpoint(Checkpoint(path, {**content, "phoneme_recognizer": described}), section)

    return run


def test_the_same_additions_pass(check):
    check({}, None)
    check({"layer_mix": True}, None, layer_mix=True)
    inner = Namespace(INNER)
    check({"self_conditioned_layers": [1, 2]}, ADAPTER, intermediate_ctc=inner, adapter=Namespace(ADAPTER))
    check({"layer_mix": True}, None, pretrained_name="a/model", layer_mix=False)  # that of the model
    check({}, None, intermediate_ctc=Namespace(INNER | {"self_conditioning": False}))


@pytest.mark.parametrize(
    ("theirs", "adapter", "ours", "named"),
    [
        ({"layer_mix": True}, None, {}, "layer_mix True"),
        ({}, None, {"layer_mix": True}, "layer_mix None, the configuration has True"),
        ({"self_conditioned_layers": [1]}, None, {"intermediate_ctc": Namespace(INNER)}, r"\[1\].*\[1, 2\]"),
        ({}, ADAPTER, {}, "adapter .*'rank': 4.*None"),
        ({}, ADAPTER, {"adapter": Namespace(ADAPTER | {"rank": 8})}, "'rank': 8"),
    ],
)
def test_other_additions_are_refused_by_name(check, theirs, adapter, ours, named):
    with pytest.raises(ConfigError, match=named):
        check(theirs, adapter, **ours)
