import numpy as np
import pytest

from dataset_modules.augmentations import AugmentationPipeline, SpeedPerturbation
from dataset_modules.augmentations.speed_perturbation import at_speed

RATE = 16000
TONE = np.sin(2 * np.pi * 1000.0 * np.arange(RATE) / RATE).astype(np.float32)


def pitch_hertz(waveform: np.ndarray) -> float:
    energy = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return float(np.argmax(energy)) * RATE / len(waveform)


@pytest.mark.parametrize("factor", [0.9, 1.1, 2.0])
def test_speed_moves_length_and_pitch_together(factor: float) -> None:
    faster = at_speed(TONE, factor)
    assert len(faster) == pytest.approx(RATE / factor, abs=1)
    assert pitch_hertz(faster) == pytest.approx(1000.0 * factor, abs=2)
    assert faster.dtype == np.float32


def test_every_factor_is_drawn_and_no_other() -> None:
    pipeline = AugmentationPipeline([SpeedPerturbation()], seed=0)
    lengths = {len(pipeline(TONE, RATE, 0, index)) for index in range(40)}
    assert lengths == {round(RATE / factor) for factor in (0.9, 1.0, 1.1)}


def test_the_longest_stretch_bounds_the_length() -> None:
    pipeline = AugmentationPipeline([SpeedPerturbation([0.8, 1.2])], seed=0)
    assert pipeline.longest_stretch == 1.25
    assert AugmentationPipeline([SpeedPerturbation([1.1])], seed=0).longest_stretch == 1.0
    assert AugmentationPipeline([], seed=0).longest_stretch == 1.0


@pytest.mark.parametrize("factors", [[], [0.0], [1.0, -1.0], [0.1], [5.0], [float("nan")]])
def test_extreme_speeds_are_refused(factors: list[float]) -> None:
    with pytest.raises(ValueError, match="SpeedPerturbation: factors"):
        SpeedPerturbation(factors)
