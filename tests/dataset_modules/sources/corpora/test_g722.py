"""The decoder against others: the samples of the G722 package and of FFmpeg, which agree."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from dataset_modules.sources.corpora import g722
from dataset_modules.sources.corpora.g722 import decode_g722

REFERENCE = Path(__file__).with_name("reference.g722")  # tones, noise, clipping, and 800 random bytes
SAMPLES_SHA256 = "40aa1ac2884053b24358ccacadf029568e927f483e9855bfcbfc4c1885a623f6"  # 16 bits, little-endian


def test_samples_equal_those_of_other_decoders() -> None:
    samples = decode_g722(REFERENCE.read_bytes())
    assert len(samples) == 2 * REFERENCE.stat().st_size
    assert hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest() == SAMPLES_SHA256


def test_no_bytes_give_no_samples() -> None:
    assert decode_g722(b"").dtype == np.int16
    assert len(decode_g722(b"")) == 0


def test_nothing_needs_to_be_kept_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_without_folder(*functions: object, cache: bool = False) -> object:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*functions)

    monkeypatch.setattr(g722, "njit", compile_without_folder)
    assert g722._compiled(lambda value: value + 1)(1) == 2
