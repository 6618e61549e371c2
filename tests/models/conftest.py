"""Networks small enough to build in milliseconds, and noise as their input."""

import json

import pytest
import torch

from dataset_modules.batches.batch import Batch
from models import PhonemeRecognizer

CONVOLUTIONS = {"conv_dim": [16, 16, 16], "conv_kernel": [20, 8, 8], "conv_stride": [10, 8, 4]}
TRANSFORMER = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
}
POSITIONS = {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
LAYER_NORM = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
TINY = {
    "Wav2Vec2": CONVOLUTIONS | TRANSFORMER | POSITIONS | LAYER_NORM,
    "Hubert": CONVOLUTIONS | TRANSFORMER | POSITIONS | LAYER_NORM,
    "WavLM": CONVOLUTIONS | TRANSFORMER | POSITIONS | LAYER_NORM,
    "Wav2Vec2Bert": TRANSFORMER | {"conv_depthwise_kernel_size": 5},
}
FAMILIES = list(TINY)
# Every step computes the same: nothing is dropped or masked.
DETERMINISTIC = {
    "layerdrop": 0.0,
    "apply_spec_augment": False,
    **dict.fromkeys(
        ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout", "final_dropout"),
        0.0,
    ),
}
TOKENS = ["[PAD]", "[UNK]", "|", "a", "tʃ", "n"]


@pytest.fixture
def vocab_file(tmp_path):
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps({token: index for index, token in enumerate(TOKENS)}), encoding="utf-8")
    return path


@pytest.fixture
def recognizer(vocab_file):
    """Builds a tiny recogniser; keywords change its arguments, ``network`` its architecture."""

    def build(network_name="Wav2Vec2", network=None, **arguments):
        torch.manual_seed(0)
        config = TINY[network_name] | (network or {})
        defaults = {"vocab_file": vocab_file, "freeze_feature_extractor": False, "lr": 1e-2, "seed": 1}
        model = PhonemeRecognizer(network_name=network_name, network_config=config, **(defaults | arguments))
        model.configure_model()
        return model

    return build


@pytest.fixture
def batch():
    """Three utterances of different lengths."""
    generator = torch.Generator().manual_seed(3)
    lengths = torch.tensor([16000, 9000, 12345])
    waveforms = torch.randn(3, 16000, generator=generator) * (torch.arange(16000) < lengths[:, None])
    labels = torch.tensor([[3, 2, 4, 5], [4, 0, 0, 0], [5, 5, 3, 0]])
    return Batch(waveforms, lengths, labels, torch.tensor([4, 1, 3]), ("u1", "u2", "u3"))
