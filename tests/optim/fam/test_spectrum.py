import math

import pytest
import torch

from optim.fam import spectrum
from optim.fam.spectrum import (
    adapted_momentum,
    band_edges,
    band_energies,
    boosted_momentum,
    magnitudes,
    sample,
    sample_numel,
    sample_strides,
)


@pytest.mark.parametrize(
    ("shape", "numel"),
    [
        ((100, 100), 10_000),
        ((101, 100), 51 * 50),
        ((3072, 768), 4096),
        ((512, 512, 3), 64 * 64 * 3),
        ((10_001,), 910),
    ],
)
def test_sample_is_whole_or_strided(shape, numel):
    tensor = torch.arange(math.prod(shape), dtype=torch.float32).reshape(shape)
    taken = sample(tensor)
    assert taken.numel() == sample_numel(shape) == numel
    rows = torch.arange(shape[0])[:: sample_strides(shape)[0]]
    assert taken[0] == 0
    assert taken[numel // len(rows)] == tensor[rows[1]].flatten()[0]


def test_sample_of_half_precision_is_float32():
    assert sample(torch.ones(4, 4, dtype=torch.bfloat16)).dtype is torch.float32


@pytest.mark.parametrize("handler", ["default", "embedding"])
def test_equal_bands_leave_the_remainder_out(handler):
    assert band_edges(handler, 4, 10) == ((0, 2), (2, 4), (4, 6), (6, 8))


def test_more_bands_than_bins_hold_nothing():
    samples = torch.randn(1, 6)  # 4 bins
    assert band_energies(samples, "default", 8, 1e-8).sum() == 0


def test_logarithmic_bands_widen_and_leave_the_last_bin_out():
    assert band_edges("conv", 4, 16) == ((0, 1), (1, 3), (3, 7), (7, 15))


def test_attention_bands_split_in_the_middle():
    assert band_edges("attention", 5, 12) == ((0, 3), (3, 6), (6, 8), (8, 10), (10, 12))


def test_pure_tone_falls_into_its_band():
    time = torch.arange(64)
    tone = torch.cos(2 * math.pi * 20 * time / 64)[None]  # bin 20 of 33
    bands = band_energies(tone, "default", 4, 1e-8)
    torch.testing.assert_close(bands[0], torch.tensor([0.0, 0.0, 1.0, 0.0]), rtol=0, atol=1e-5)


def test_zero_gradient_has_no_bands_and_no_nan():
    assert torch.equal(band_energies(torch.zeros(2, 32), "conv", 4, 0.0 + 1e-8), torch.zeros(2, 4))


@pytest.mark.parametrize(
    ("handler", "bands", "momentum"),
    [
        ("default", [0.2, 0.4, 0.2, 0.2], 0.95),
        ("default", [0.4, 0.4, 0.1, 0.1], 0.9),
        ("conv", [0.2, 0.3, 0.2, 0.3], 0.97),
        ("conv", [0.5, 0.1, 0.0, 0.4], 0.95),
        ("conv", [0.7, 0.1, 0.1, 0.1], 0.9),
        ("attention", [0.7, 0.1, 0.1, 0.1], 0.85),
        ("attention", [0.1, 0.7, 0.1, 0.1], 0.9),
        ("attention", [0.1, 0.1, 0.1, 0.7], 0.9),  # band 3 is not above 3 * 4 // 4
        ("attention", [0.1] * 7 + [0.3], 0.98),
        ("embedding", [0.2, 0.2, 0.2, 0.4], 0.98),
        ("embedding", [0.4, 0.3, 0.2, 0.1], 0.9),
    ],
)
def test_momentum_follows_the_bands(handler, bands, momentum):
    found = adapted_momentum(torch.tensor([bands]), handler, 0.9)
    torch.testing.assert_close(found, torch.tensor([momentum]))


@pytest.mark.parametrize("handler", ["default", "conv", "attention", "embedding"])
def test_batched_equals_one_by_one(handler):
    samples = torch.randn(5, 300, generator=torch.Generator().manual_seed(0))
    together = band_energies(samples, handler, 8, 1e-8)
    alone = torch.cat([band_energies(row[None], handler, 8, 1e-8) for row in samples])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-7)


def test_boost_scales_the_change_within_its_range():
    momentum = torch.tensor([0.95, 0.9, 0.85, 0.98])
    expected = torch.tensor([0.975, 0.9, 0.85, 0.98])
    torch.testing.assert_close(boosted_momentum(momentum, 0.9, 1.5), expected)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-12)])
def test_both_transforms_give_the_same_spectrum(dtype, tolerance, monkeypatch):
    samples = torch.randn(3, 4097, dtype=dtype, generator=torch.Generator().manual_seed(0))
    fast = magnitudes(samples)
    monkeypatch.setattr(spectrum, "_fast_transform", lambda: None)
    torch.testing.assert_close(fast, magnitudes(samples), rtol=tolerance, atol=tolerance)
