"""A model folder of a stranger names no code, no file elsewhere, and no network that cannot be built."""

import json
import os

import numpy as np
import pytest
import soundfile
from safetensors.torch import load_file, save_file
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from models.network.pretrained import pretrained_configuration
from tests.models.conftest import TINY


@pytest.fixture
def folder(tmp_path):
    Wav2Vec2Config(num_hidden_layers=1, hidden_size=24).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").touch()
    return tmp_path


def change(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


CHANGES = [
    {"num_hidden_layers": 10**7},
    {"hidden_size": 10**12},
    {"tdnn_dim": list(range(10**5))},
    {"attn_implementation": "someone/kernel"},
    {"_attn_implementation": "someone/kernel"},
    {"_attn_implementation_internal": "someone/kernel"},
    {"model_type": "none such", "auto_map": {"AutoConfig": "code.Config"}},
    {"hidden_size": "wide"},
]


@pytest.mark.parametrize("values", CHANGES, ids=lambda values: str(values)[:50])
def test_refused(folder, values):
    change(folder, **values)
    (folder / "code.py").write_text("raise SystemExit('has run')")
    if "attn_implementation" in str(values):
        try:
            configuration = pretrained_configuration(str(folder))
        except ValueError:
            return
        assert "/" not in str(configuration._attn_implementation)
        return
    with pytest.raises(ValueError, match="pretrained_name"):
        pretrained_configuration(str(folder))


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "[" * 100_000, '{"model_type": 3}'])
def test_a_damaged_configuration(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(ValueError, match="pretrained_name"):
        pretrained_configuration(str(folder))


def test_a_model_is_read(folder):
    assert pretrained_configuration(str(folder)).num_hidden_layers == 1


# A whole model, given to transcribe


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A folder with weights and tokens, beside a recording."""
    monkeypatch.chdir(tmp_path)
    configuration = Wav2Vec2Config(**TINY["Wav2Vec2"], vocab_size=4, pad_token_id=0)
    Wav2Vec2ForCTC(configuration).save_pretrained("model")
    (tmp_path / "model" / "vocab.json").write_text('{"[PAD]": 0, "a": 1, "t": 2, "|": 3}')
    soundfile.write("a.wav", np.random.default_rng(0).normal(0, 0.1, 8000), 16000)
    return tmp_path / "model"


def test_the_model_itself_is_used(model, run_done):
    run_done("transcribe", "model", "a.wav")


TOKENIZERS = {
    "added_tokens_decoder": [[1], "abc", {"1": "x"}, {"x": {"content": "y"}}, {"9" * 5000: {"content": "y"}}],
    "pad_token": [["x"], 5, {"content": ["x"]}],
    "target_lang": [["a"]],
}
SETTINGS = [{name: value} for name, values in TOKENIZERS.items() for value in values]
TABLES = [[1], None, {"vocab": "abc"}, {"vocab": [1, 2]}, {"vocab": [[]]}, {"vocab": [[["a"], 1]]}]
AUDIO = [{"feature_extractor": value} for value in ([1], "x", None)]
AUDIO += [{"sampling_rate": value} for value in ("x", 0, 1, 10**12, 16000.5, [16000])]
AUDIO += [{"padding_value": float("nan")}, {"padding_value": "x"}, {"return_attention_mask": "maybe"}]
FILES = [
    *(("tokenizer_config.json", settings) for settings in SETTINGS),
    *(("added_tokens.json", {"x": value}) for value in ("y", [1], 1.5)),
    *(("tokenizer.json", {"model": table}) for table in TABLES),
    *(("preprocessor_config.json", settings) for settings in AUDIO),
    ("vocab.json", {"[PAD]": 0, "\ud800": 1}),
]


@pytest.mark.parametrize(("name", "content"), FILES, ids=lambda value: str(value)[:40])
def test_values_of_another_kind_are_refused(model, refused, name, content):
    if name == "tokenizer.json":
        (model / "vocab.json").unlink()
    (model / name).write_text(json.dumps(content))
    refused("transcribe", "model", "a.wav")


NETWORKS = [
    {"vocab_size": None},
    {"conv_stride": [0] * 7},
    {"conv_dim": [0] * 7},
    {"hidden_act": "os.system"},
]
NETWORKS += [{"num_attention_heads": 0}, {"num_conv_pos_embeddings": 0}]
NETWORKS += [{"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}}]


@pytest.mark.parametrize("values", NETWORKS, ids=lambda values: str(values)[:40])
def test_a_network_that_cannot_be_built_is_refused(model, refused, values):
    change(model, **values)
    refused("transcribe", "model", "a.wav")


@pytest.mark.parametrize("keep", [0, 100, -10])
def test_weights_that_were_cut_are_refused(model, refused, keep):
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    refused("transcribe", "model", "a.wav", naming=("model cannot be built",))


def test_weights_that_are_no_numbers_are_refused(model, refused):
    weights = load_file(model / "model.safetensors")
    weights["lm_head.bias"][0] = float("nan")
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    refused("transcribe", "model", "a.wav", naming=("weights are no numbers",))


@pytest.mark.parametrize("shard", ["../../outside.safetensors", "/etc/passwd", "pipe"])
def test_an_index_names_no_files_elsewhere(model, refused, shard):
    os.mkfifo(model / "pipe")
    (model / "model.safetensors").unlink()
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    refused("transcribe", "model", "a.wav", naming=("must name files beside it",))


@pytest.mark.parametrize("index", ["[" * 100_000, "[]", '{"weight_map": {"a": 1}}'])
def test_an_index_that_is_none_is_refused(model, refused, index):
    (model / "model.safetensors.index.json").write_text(index)
    refused("transcribe", "model", "a.wav", naming=("lists no weights",))
