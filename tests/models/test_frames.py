"""Frames from the configuration are those that the built network gives."""

import numpy as np
import pytest
import torch

from models.frames import frame_counts
from models.frontend import LogMelFrontend
from models.network import build_network, frame_lengths, network_configuration

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
ADAPTER = {"add_adapter": True, "num_adapter_layers": 2, "output_hidden_size": 16}
LENGTHS = np.array([1600, 3279, 16000, 16001, 48123])


def configured(name, **changes):
    return network_configuration(name, None, {**SMALL, **changes}, vocab_size=5, blank_id=0)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("Wav2Vec2", {}),
        ("Wav2Vec2", {"conv_stride": [5, 2, 2, 2, 2, 2, 1]}),
        ("Wav2Vec2", ADAPTER),
        ("Hubert", {}),
        ("WavLM", {}),
    ],
)
def test_frames_are_those_of_the_built_network(name, changes):
    config = configured(name, **changes)
    expected = frame_lengths(build_network(config, None), torch.tensor(LENGTHS))
    assert frame_counts(config, LENGTHS, 16000).tolist() == expected.tolist()


@pytest.mark.parametrize("changes", [{}, ADAPTER])
@pytest.mark.parametrize("rate", [16000, 8000])
def test_frames_of_log_mel_networks_are_those_of_front_end_and_network(changes, rate):
    config = configured("Wav2Vec2Bert", **changes)
    frontend = LogMelFrontend(rate, 0.0)
    waveforms = torch.randn(len(LENGTHS), int(LENGTHS.max()), generator=torch.Generator().manual_seed(0))
    _, lengths = frontend(waveforms, torch.tensor(LENGTHS))
    expected = frame_lengths(build_network(config, None), lengths)
    assert frame_counts(config, LENGTHS, rate).tolist() == expected.tolist()


@pytest.mark.parametrize("name", ["Wav2Vec2", "Wav2Vec2Bert"])
def test_what_is_too_short_gives_no_frames(name):
    assert frame_counts(configured(name), np.array([0, 1, 399]), 16000).tolist() == [0, 0, 0]
    assert frame_counts(configured("Wav2Vec2"), np.array([400]), 16000).tolist() == [1]
