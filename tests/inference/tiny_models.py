"""Networks of milliseconds, and speech-like noise as their input."""

import numpy as np
import torch

from dataset_modules.batches.audio_params import AudioParams
from inference.acoustic_model import AcousticModel
from models.network.pretrained import build_network, network_configuration
from phonetics import Vocabulary

TRANSFORMER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
CONVOLUTIONS = {"conv_dim": [16, 16, 16], "conv_kernel": [20, 8, 8], "conv_stride": [10, 8, 4]}
POSITIONS = {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
LAYER_NORM = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
SAMPLES = TRANSFORMER | CONVOLUTIONS | POSITIONS
FAMILIES = {
    "Wav2Vec2 layer": ("Wav2Vec2", SAMPLES | LAYER_NORM),
    "Wav2Vec2 group": ("Wav2Vec2", SAMPLES | {"feat_extract_norm": "group"}),
    "Hubert": ("Hubert", SAMPLES | LAYER_NORM),
    "WavLM": ("WavLM", SAMPLES | LAYER_NORM),
    "Wav2Vec2Bert": ("Wav2Vec2Bert", TRANSFORMER | {"conv_depthwise_kernel_size": 5}),
}
VOCABULARY = Vocabulary(("[PAD]", "[UNK]", "|", "a", "tʃ", "n", "oː", "ɡ"))


def build_model(family, extension=None, **network):
    """A model whose random head is made talkative, so that it says all kinds of things."""
    torch.manual_seed(1)
    name, overrides = FAMILIES[family]
    config = network_configuration(
        name, None, overrides | network, vocab_size=len(VOCABULARY), blank_id=VOCABULARY.blank_id
    )
    config.update(extension or {})
    built = build_network(config, None)
    torch.nn.init.normal_(built.lm_head.weight, std=1.0)
    return AcousticModel(built, VOCABULARY, AudioParams())


def speech(seconds, seed=0):
    """Noise whose colour and loudness change ten times a second."""
    generator = np.random.default_rng(seed)
    parts = []
    for _ in range(int(np.ceil(seconds * 10))):
        tone = np.sin(2 * np.pi * generator.uniform(100, 4000) * np.arange(1600) / 16000)
        parts.append(generator.uniform(0, 0.3) * tone + generator.normal(0, generator.uniform(0, 0.05), 1600))
    return (np.concatenate(parts)[: int(seconds * 16000)] + 0.01).astype(np.float32)
