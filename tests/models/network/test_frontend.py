"""The front ends against transformers' feature extractors."""

import pytest
import torch
from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2FeatureExtractor

from models.network.frontend import LogMelFrontend, WaveformFrontend, length_mask, normalise


@pytest.fixture
def waveforms():
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([8000, 5001])
    return torch.randn(2, 8000, generator=generator) * (torch.arange(8000) < lengths[:, None]), lengths


def test_normalised_samples_equal_the_reference(waveforms):
    batch, lengths = waveforms
    reference = Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)
    expected = reference(
        [wave[:size].numpy() for wave, size in zip(batch, lengths, strict=True)],
        sampling_rate=16000,
        padding=True,
        return_tensors="pt",
    ).input_values
    inputs = WaveformFrontend(do_normalize=True, padding_value=0.0)(batch, lengths).values
    torch.testing.assert_close(inputs, expected, atol=2e-6, rtol=0)


def test_log_mel_frames_equal_the_reference(waveforms):
    batch, lengths = waveforms
    expected = SeamlessM4TFeatureExtractor(feature_size=80, num_mel_bins=80)(
        [wave[:size].numpy() for wave, size in zip(batch, lengths, strict=True)],
        sampling_rate=16000,
        return_tensors="pt",
        padding=True,
    )
    features, _, frames = LogMelFrontend(16000, 0.0)(batch, lengths)
    for index in range(2):
        count = int(frames[index])
        assert count == int(expected.attention_mask[index].sum())
        torch.testing.assert_close(
            features[index, :count], expected.input_features[index, :count], atol=2e-3, rtol=1e-3
        )


@pytest.mark.parametrize("num_samples", [16000, 16160, 719, 720])
def test_an_odd_window_fills_half_an_input_that_is_not_attended_to(num_samples):
    waveform = torch.randn(1, num_samples, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([num_samples])
    expected = SeamlessM4TFeatureExtractor(feature_size=80, num_mel_bins=80)(
        [waveform[0].numpy()], sampling_rate=16000, return_tensors="pt"
    )
    frontend = LogMelFrontend(16000, 0.0)
    features, sizes, attended = frontend(waveform, lengths)
    assert features.shape == expected.input_features.shape
    assert sizes.tolist() == [features.shape[1]]
    assert attended.tolist() == expected.attention_mask.sum(dim=1).tolist()
    torch.testing.assert_close(features, expected.input_features, atol=5e-3, rtol=1e-3)


def test_mixed_precision_does_not_reach_the_mel_filters(waveforms):
    batch, lengths = waveforms
    frontend = LogMelFrontend(16000, 0.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = frontend(batch, lengths).values
    assert torch.equal(mixed, frontend(batch, lengths).values)


def test_padding_does_not_move_normalisation(waveforms):
    batch, lengths = waveforms
    wider = torch.nn.functional.pad(batch, (0, 3000))
    assert torch.equal(normalise(wider, lengths)[1, :5001], normalise(batch, lengths)[1, :5001])


def test_padding_takes_the_padding_value(waveforms):
    batch, lengths = waveforms
    inputs = WaveformFrontend(do_normalize=True, padding_value=-1.0)(batch, lengths).values
    assert (inputs[~length_mask(lengths, 8000)] == -1.0).all()
