"""A model folder of a stranger names no code, and no network that cannot be built."""

import json

import pytest
from transformers import Wav2Vec2Config

from models.network.pretrained import pretrained_configuration


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
