"""The fundamental frequency of speech, and its line over a spectrogram."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from reports.html import Html, element

LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0  # from deep men to small children
_RATE, _WINDOW, _SHIFT = 8000, 512, 160  # samples; a window holds three periods of the lowest pitch
_SEMITONES = 0.25  # apart are the candidates; the time grows with the square of their number
_FEWEST = 3  # windows of a run; shorter ones are slips of the detector

Run = list[tuple[float, float]]  # seconds and hertz of windows without a gap


def pitch_runs(waveform: NDArray[np.float32], sampling_rate: int) -> list[Run]:
    """Find the fundamental frequency of the voiced parts by probabilistic YIN (pYIN).

    >>> pitch_runs(np.zeros(8000, dtype=np.float32), 8000)
    []
    """
    if sampling_rate <= 2 * HIGHEST_HZ or not np.any(waveform):
        return []
    import librosa  # only here: it takes seconds, and most commands draw no pitch

    slow = librosa.resample(waveform, orig_sr=sampling_rate, target_sr=_RATE)
    hertz, _, _ = librosa.pyin(
        slow,
        fmin=LOWEST_HZ,
        fmax=HIGHEST_HZ,
        sr=_RATE,
        frame_length=_WINDOW,
        hop_length=_SHIFT,
        resolution=_SEMITONES,
    )
    return [run for run in _without_gaps(hertz) if len(run) >= _FEWEST]


def _without_gaps(hertz: NDArray[np.float64]) -> Iterator[Run]:
    """Split at the windows without voice, which are no numbers."""
    run: Run = []
    for place, value in enumerate(hertz.tolist()):
        if math.isnan(value):
            yield run
            run = []
        else:
            run.append((place * _SHIFT / _RATE, value))
    yield run


def pitch_lines(runs: Sequence[Run], pace: float, height: float) -> list[Html]:
    """Draw the pitch on a logarithmic scale from the lowest frequency at the bottom to the highest."""
    span = math.log(HIGHEST_HZ / LOWEST_HZ)
    lines = []
    for run in runs:
        points = " ".join(
            f"{seconds * pace:.0f},{height * (1 - math.log(hertz / LOWEST_HZ) / span):.1f}"
            for seconds, hertz in run
        )
        lines.append(element("polyline", points=points, class_="pitch"))
    return lines


def pitch_fact(runs: Sequence[Run]) -> str:
    """Describe the pitch by the range that holds four fifths of it, and its median.

    >>> pitch_fact([[(0.0, 100.0), (0.02, 110.0), (0.04, 120.0)]])
    'F0 102 to 118 Hz, median 110 Hz'
    """
    values = [hertz for run in runs for _, hertz in run]
    if not values:
        return ""
    low, median, high = np.percentile(values, [10, 50, 90])
    return f"F0 {low:.0f} to {high:.0f} Hz, median {median:.0f} Hz"
