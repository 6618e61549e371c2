"""Numbers of frames and their samples, against the networks themselves."""

import numpy as np
import pytest
import torch

from models.network.frames import SAMPLE_GRID, FrameClock, frame_clock, frames_of, token_times
from models.network.frontend import MEL_STACK, LogMelFrontend, mel_grid
from models.network.pretrained import NetworkName, build_network, frame_lengths, network_configuration

TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
CLOCK = FrameClock(stride=320, receptive_field=400, centre=200.0, sampling_rate=16000)


def _network(name, **overrides):
    config = network_configuration(name, None, TINY | overrides, vocab_size=5, blank_id=0)
    return build_network(config, None).eval()


def test_the_known_grids():
    assert frame_clock(_network("Wav2Vec2").config, SAMPLE_GRID, 16000) == CLOCK
    assert frame_clock(_network("Wav2Vec2Bert").config, mel_grid(16000), 16000) == FrameClock(
        320, 560, 280.0, 16000
    )


@pytest.mark.parametrize("name", ["Wav2Vec2", "Hubert", "WavLM"])
def test_a_frame_depends_on_the_samples_that_the_clock_gives(name):
    network = _network(name, feat_extract_norm="layer", conv_dim=[8] * 7)
    clock = frame_clock(network.config, SAMPLE_GRID, 16000)
    waveform = torch.randn(1, 8000).requires_grad_()
    frames = network.base_model.feature_extractor(waveform)  # (1, C, F)
    frames[0, :, 9].sum().backward()
    used = waveform.grad[0].nonzero()
    first = clock.first_sample(9)
    assert used[0] >= first
    assert used[0] < first + clock.stride
    assert used[-1] < first + clock.receptive_field
    assert used[-1] >= first + clock.receptive_field - clock.stride
    middle = float(used[0] + used[-1] + 1) / 2 / 16000
    assert clock.centre_seconds(9) == pytest.approx(middle, abs=1e-3)


def test_a_mel_frame_depends_on_the_samples_that_the_clock_gives():
    clock = frame_clock(_network("Wav2Vec2Bert").config, mel_grid(16000), 16000)
    waveform = torch.randn(16000).requires_grad_()
    LogMelFrontend(16000, 0.0).features(waveform[None])[0, MEL_STACK * 7 : MEL_STACK * 8].sum().backward()
    used = waveform.grad.nonzero()
    assert abs(used[0] - clock.first_sample(7)) <= 1  # the window's ends are all but zero
    assert abs(used[-1] + 1 - clock.first_sample(7) - clock.receptive_field) <= 1


def test_an_adapters_frames_keep_their_middle():
    config = _network("Wav2Vec2", add_adapter=True, num_adapter_layers=2).config
    clock = frame_clock(config, SAMPLE_GRID, 16000)
    assert (clock.stride, clock.centre) == (1280, 200.0)


def test_samples_of_frames_are_what_the_network_needs():
    network = _network("Wav2Vec2")
    for frames in (1, 2, 50):
        samples = frame_clock(network.config, SAMPLE_GRID, 16000).samples_of(frames)
        lengths = network._get_feat_extract_output_lengths(torch.tensor([samples, samples - 1]))
        assert lengths.tolist() == [frames, frames - 1]


def test_neighbours_meet_half_way():
    (_, end), (start, _) = token_times([(10, 11), (14, 15)], CLOCK, 1.0)
    assert end == start == pytest.approx(CLOCK.edge_seconds(12.5))


def test_across_a_pause_each_reaches_eighty_milliseconds():
    (_, end), (start, _) = token_times([(10, 11), (41, 42)], CLOCK, 1.0)
    assert end == pytest.approx(CLOCK.edge_seconds(11) + 0.08)
    assert start == pytest.approx(CLOCK.edge_seconds(41) - 0.08)


def test_times_stay_inside_the_recording():
    (only,) = token_times([(0, 3)], CLOCK, 0.06)
    assert only.start_seconds >= 0.0
    assert only.end_seconds <= 0.06
    assert token_times([], CLOCK, 1.0) == []


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
def test_frames_are_those_of_the_network_over_samples(name: NetworkName, adapter: bool) -> None:
    if adapter and name == "Hubert":
        pytest.skip("Hubert has no adapter")
    overrides = {key: value for key, value in SMALL.items() if adapter or "adapter" not in key}
    overrides.pop("output_hidden_size", None)
    config = network_configuration(name, None, overrides, vocab_size=9, blank_id=0)
    network = build_network(config, None)
    expected = frame_lengths(network, torch.from_numpy(LENGTHS)).clamp(min=0)
    assert frames_of(config, LENGTHS, SAMPLE_GRID).tolist() == expected.tolist()


@pytest.mark.parametrize("adapter", [False, True])
def test_frames_are_those_of_the_network_over_mel_frames(adapter: bool) -> None:
    overrides = SMALL | {"add_adapter": adapter}
    config = network_configuration("Wav2Vec2Bert", None, overrides, vocab_size=9, blank_id=0)
    network = build_network(config, None)
    lengths = LENGTHS[LENGTHS >= 720]
    frontend = LogMelFrontend(16000, 0.0)
    inputs = [frontend(torch.randn(1, int(length)), torch.tensor([length])).values[0] for length in lengths]
    expected = frame_lengths(network, torch.tensor([len(frames) for frames in inputs]))
    assert frames_of(config, lengths, frontend.grid).tolist() == expected.tolist()
    assert frames_of(config, np.array([0, 399]), frontend.grid).min() >= 0
