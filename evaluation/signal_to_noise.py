"""Estimate the signal-to-noise ratio of speech from the clip alone."""

import numpy as np
from numpy.typing import NDArray

_WINDOW_SECONDS, _HOP_SECONDS = 0.025, 0.010
_QUIET_SHARE = 0.1
HIGHEST_DB = 60.0  # digital silence between words has no noise to measure
SNR_DEFINITION = (
    "estimated from the clip: 10·log10((P − N) / N), with the mean power P of all windows of 25 ms and the "
    f"mean power N of the quietest tenth of them; at most {HIGHEST_DB:.0f} dB. A clip without a pause has no "
    "noise to measure, so its estimate is too low"
)


def signal_to_noise_db(samples: NDArray[np.int16], sampling_rate: int) -> float | None:
    """Estimate the ratio of a clip, (T,); None if it is silent or too short to have a quiet tenth.

    >>> loud, quiet = np.full(8000, 1000, dtype=np.int16), np.full(8000, 100, dtype=np.int16)
    >>> round(signal_to_noise_db(np.concatenate([quiet, loud]), 16000), 1)
    16.9
    """
    powers = _window_powers(samples.astype(np.float64), sampling_rate)
    quietest = int(len(powers) * _QUIET_SHARE)
    if quietest < 1 or not powers.any():
        return None
    noise = float(np.sort(powers)[:quietest].mean())
    speech = max(float(powers.mean()) - noise, 0.0)
    lowest = float(powers.mean()) * 10 ** (-HIGHEST_DB / 10)
    ratio = speech / max(noise, lowest)
    return round(float(np.clip(10 * np.log10(max(ratio, 1e-3)), -30.0, HIGHEST_DB)), 1)


def _window_powers(samples: NDArray[np.float64], sampling_rate: int) -> NDArray[np.float64]:
    window, hop = round(_WINDOW_SECONDS * sampling_rate), round(_HOP_SECONDS * sampling_rate)
    if len(samples) < window:
        return np.zeros(0)
    sums = np.concatenate([[0.0], np.cumsum(samples**2)])
    starts = np.arange(0, len(samples) - window + 1, hop)
    powers: NDArray[np.float64] = np.maximum(sums[starts + window] - sums[starts], 0.0) / window
    return powers
