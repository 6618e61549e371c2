"""Decode G.722 (ITU-T, 64 kbit/s): 16 kHz speech in two sub-bands of adaptive differences.

Names follow the recommendation's block diagrams; all arithmetic is that of 16-bit integers. The tests compare
the samples with those of another decoder.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

SAMPLING_RATE = 16_000

_Integers = NDArray[np.int64]

# Inverse quantisers: 6 and 4 bits of the lower band, 2 bits of the higher.
_QM6_HALF = (
    *(24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000),
    *(5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728),
)
_QM6 = np.array([-136] * 4 + [-value for value in _QM6_HALF] + [*_QM6_HALF, 432, 136, -432, -136])
_QM4_HALF = (20456, 12896, 8968, 6288, 4240, 2584, 1200)
_QM4 = np.array([0, *(-value for value in _QM4_HALF), *_QM4_HALF, 0])
_QM2 = np.array([-7408, -1616, 7408, 1616])
# How the logarithm of the step changes with the code word.
_WL = np.array([-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60])
_WH = np.array([798, -214, 798, -214])
_ILB = np.array([round(2048 * 2 ** (step / 32)) for step in range(32)])  # powers of two within an octave
_QMF = np.array([3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11])
_LOWEST, _HIGHEST = -32768, 32767

# A band's state: s, sz, step's logarithm, step, then two of r, two of p, two of a, six of d, six of b.
_S, _SZ, _NB, _DET, _R, _P, _A, _D, _B = 0, 1, 2, 3, 4, 6, 8, 10, 16
_STATE = 22
_TAPS = 6


def decode_g722(encoded: bytes) -> NDArray[np.int16]:
    """Return the samples at 16 kHz, two for each byte."""
    low, high = np.zeros(_STATE, np.int64), np.zeros(_STATE, np.int64)
    low[_DET], high[_DET] = 32, 8
    codes = np.frombuffer(encoded, np.uint8).astype(np.int64)
    samples: NDArray[np.int16] = _decode(codes, low, high)
    return samples


def _compiled(function: Any) -> Any:  # noqa: ANN401 - numba is untyped
    try:
        return njit(cache=True)(function)
    except RuntimeError:  # no folder can keep the result
        return njit(function)


@_compiled
def _saturated(value: int) -> int:
    return min(max(value, _LOWEST), _HIGHEST)


@_compiled
def _decode(codes: _Integers, low: _Integers, high: _Integers) -> NDArray[np.int16]:
    delayed = np.zeros(24, np.int64)
    samples = np.empty(2 * len(codes), np.int16)
    for place in range(len(codes)):
        lower, higher = codes[place] & 63, codes[place] >> 6
        rlow = _clamped(low[_S] + ((low[_DET] * _QM6[lower]) >> 15))
        _adapt(low, (low[_DET] * _QM4[lower >> 2]) >> 15, _WL[lower >> 2], 18432, 8)
        dhigh = (high[_DET] * _QM2[higher]) >> 15
        rhigh = _clamped(high[_S] + dhigh)
        _adapt(high, dhigh, _WH[higher], 22528, 10)
        delayed[:22] = delayed[2:]
        delayed[22], delayed[23] = rlow + rhigh, rlow - rhigh
        first, second = 0, 0
        for tap in range(12):
            second += delayed[2 * tap] * _QMF[tap]
            first += delayed[2 * tap + 1] * _QMF[11 - tap]
        samples[2 * place] = _saturated(first >> 11)
        samples[2 * place + 1] = _saturated(second >> 11)
    return samples


@_compiled
def _clamped(value: int) -> int:
    return min(max(value, -16384), 16383)


@_compiled
def _adapt(band: _Integers, difference: int, change: int, largest: int, octaves: int) -> None:
    """Update the quantiser's step, then the predictor."""
    level = min(max(((band[_NB] * 127) >> 7) + change, 0), largest)
    shift = octaves - (level >> 11)
    power = _ILB[(level >> 6) & 31]
    band[_NB] = level
    band[_DET] = (power << -shift if shift < 0 else power >> shift) << 2
    _predict(band, difference)


@_compiled
def _predict(band: _Integers, difference: int) -> None:
    """Adapt the poles and zeros to the newest difference, and predict the next sample."""
    reconstructed = _saturated(band[_S] + difference)
    partial = _saturated(band[_SZ] + difference)
    agrees, agreed = (partial < 0) == (band[_P] < 0), (partial < 0) == (band[_P + 1] < 0)
    turned = _saturated(band[_A] << 2)
    turned = min(-turned if agrees else turned, _HIGHEST)
    second = (turned >> 7) + (128 if agreed else -128) + ((band[_A + 1] * 32512) >> 15)
    second = min(max(second, -12288), 12288)
    limit = _saturated(15360 - second)
    first = _saturated((192 if agrees else -192) + ((band[_A] * 32640) >> 15))
    band[_A], band[_A + 1] = min(max(first, -limit), limit), second
    step = 0 if difference == 0 else 128
    for tap in range(_TAPS):
        towards = step if (band[_D + tap] < 0) == (difference < 0) else -step
        band[_B + tap] = _saturated(towards + ((band[_B + tap] * 32640) >> 15))
    for tap in range(_TAPS - 1, 0, -1):
        band[_D + tap] = band[_D + tap - 1]
    band[_D] = difference
    band[_R + 1], band[_R] = band[_R], reconstructed
    band[_P + 1], band[_P] = band[_P], partial
    poles = (band[_A] * _saturated(2 * band[_R])) >> 15
    poles += (band[_A + 1] * _saturated(2 * band[_R + 1])) >> 15
    zeros = 0
    for tap in range(_TAPS):
        zeros += (band[_B + tap] * _saturated(2 * band[_D + tap])) >> 15
    band[_SZ] = _saturated(zeros)
    band[_S] = _saturated(_saturated(poles) + band[_SZ])
