"""The same words, spoken faster or more slowly."""

import random
from collections.abc import Sequence

import numpy as np
import soxr
from audiomentations.core.transforms_interface import BaseWaveformTransform
from numpy.typing import NDArray

_SLOWEST, _FASTEST = 0.5, 2.0


class SpeedPerturbation(BaseWaveformTransform):
    """Plays a clip at another speed, which changes pitch and length; labels stay unchanged.

    A clip keeps its speed if its labels would need more frames than the network then computes.

    Args:
        factors: the speeds to draw from; 1.1 is faster than 1.0 and gives a shorter clip.
        p: the probability of changing the speed.
    """

    def __init__(self, factors: Sequence[float] = (0.9, 1.0, 1.1), p: float = 1.0) -> None:
        super().__init__(p)
        if not factors or not all(_SLOWEST <= factor <= _FASTEST for factor in factors):
            raise ValueError(
                f"SpeedPerturbation: factors must be speeds between {_SLOWEST} and {_FASTEST}, "
                f"got {list(factors)}"
            )
        self.factors = list(factors)

    @property
    def longest_stretch(self) -> float:
        """The largest factor by which a clip is lengthened."""
        return max(1.0, *(1.0 / factor for factor in self.factors))

    def randomize_parameters(self, samples: NDArray[np.float32], sample_rate: int) -> None:
        """Draw whether the speed changes, and the speed."""
        super().randomize_parameters(samples, sample_rate)
        if self.parameters["should_apply"]:
            self.parameters["factor"] = random.choice(self.factors)  # noqa: S311 - audio, no secret

    def apply(self, samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
        """Resample the clip to the speed that was drawn."""
        return at_speed(samples, self.parameters["factor"])


def at_speed(samples: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Return the samples, played ``factor`` times as fast.

    >>> len(at_speed(np.zeros(1100, dtype=np.float32), 1.1))
    1000
    """
    if factor == 1.0:
        return samples
    return np.asarray(soxr.resample(samples, factor, 1.0, quality="HQ"), dtype=np.float32)
