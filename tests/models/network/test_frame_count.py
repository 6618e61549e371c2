import numpy as np
import pytest
import torch

from models.network.frame_count import frames_of
from models.network.frontend import LogMelFrontend
from models.network.pretrained import NetworkName, build_network, frame_lengths, network_configuration

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "add_adapter": True,
    "num_adapter_layers": 2,
    "output_hidden_size": 16,
}
LENGTHS = np.array([0, 1, 399, 400, 719, 720, 3280, 16000, 16001, 47993, 123456])


@pytest.mark.parametrize("adapter", [False, True])
@pytest.mark.parametrize("name", ["Wav2Vec2", "Hubert", "WavLM"])
def test_frames_are_those_of_the_network_that_hears_samples(name: NetworkName, adapter: bool) -> None:
    if adapter and name == "Hubert":
        pytest.skip("Hubert has no adapter")
    overrides = {key: value for key, value in SMALL.items() if adapter or "adapter" not in key}
    overrides.pop("output_hidden_size", None)
    config = network_configuration(name, None, overrides, vocab_size=9, blank_id=0)
    network = build_network(config, None)
    expected = frame_lengths(network, torch.from_numpy(LENGTHS)).clamp(min=0)
    assert frames_of(config, LENGTHS, 0, 16000).tolist() == expected.tolist()


@pytest.mark.parametrize("adapter", [False, True])
def test_frames_are_those_of_the_network_that_hears_mel_frames(adapter: bool) -> None:
    overrides = SMALL | {"add_adapter": adapter}
    config = network_configuration("Wav2Vec2Bert", None, overrides, vocab_size=9, blank_id=0)
    network = build_network(config, None)
    lengths = LENGTHS[LENGTHS >= 720]
    frontend = LogMelFrontend(16000, 0.0)
    inputs = [frontend(torch.randn(1, int(length)), torch.tensor([length]))[0][0] for length in lengths]
    expected = frame_lengths(network, torch.tensor([len(frames) for frames in inputs]))
    assert frames_of(config, lengths, frontend.mel_frames_per_input, 16000).tolist() == expected.tolist()
    assert frames_of(config, np.array([0, 399]), 2, 16000).min() >= 0
