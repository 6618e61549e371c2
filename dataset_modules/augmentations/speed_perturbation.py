"""The same words, said faster or more slowly."""

import random
from collections.abc import Sequence

import numpy as np
import soxr
from audiomentations.core.transforms_interface import BaseWaveformTransform
from numpy.typing import NDArray

_SLOWEST, _FASTEST = 0.5, 2.0


class SpeedPerturbation(BaseWaveformTransform):
    """Plays a clip at another speed, which moves pitch and length with it; labels stay as they are.

    A clip whose labels would no longer fit into the network's frames keeps its speed.

    Args:
        factors: speeds, one of which is drawn; 1.1 is faster than 1.0 and gives a shorter clip.
        p: the probability of drawing at all.
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
        """How many times its length a clip may last."""
        return max(1.0, *(1.0 / factor for factor in self.factors))

    def randomize_parameters(self, samples: NDArray[np.float32], sample_rate: int) -> None:
        """Draw whether, and how fast."""
        super().randomize_parameters(samples, sample_rate)
        if self.parameters["should_apply"]:
            self.parameters["factor"] = random.choice(self.factors)  # noqa: S311 - audio, no secret

    def apply(self, samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
        """Resample as if the clip had been recorded at ``factor`` times its rate."""
        return at_speed(samples, self.parameters["factor"])


def at_speed(samples: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """The samples, played ``factor`` times as fast.

    >>> len(at_speed(np.zeros(1100, dtype=np.float32), 1.1))
    1000
    """
    if factor == 1.0:
        return samples
    return np.asarray(soxr.resample(samples, factor, 1.0, quality="HQ"), dtype=np.float32)
