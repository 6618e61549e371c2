import numpy as np
import pytest

from benchmarks.spoken_errors import reliability
from scoring.annotations.contract import AnnotatedScore


def _rows(turned: bool) -> list[AnnotatedScore]:
    """Phonemes of 400 sentences: the higher gop, the more are right; in every other one it may be turned."""
    generator = np.random.default_rng(0)
    gop = -8 * generator.random(8000)
    right = generator.random(8000) < 1 / (1 + np.exp(-4 - gop))
    sentences = [f"{number // 20:03}" for number in range(8000)]
    return [
        AnnotatedScore(
            *(sentence, "one", "s", score, is_right != (turned and int(sentence) % 2 == 1)), *(None, "")
        )
        for sentence, score, is_right in zip(sentences, gop.tolist(), right.tolist(), strict=True)
    ]


@pytest.mark.parametrize(("turned", "fewest", "most"), [(False, 8, 10), (True, 0, 3)])
def test_reliability_compares_each_half_with_the_calibration_of_the_other(
    turned: bool, fewest: int, most: int
) -> None:
    bins = reliability(_rows(turned))
    assert sum(one.phonemes for one in bins) == 8000
    assert fewest <= sum(one.is_honest for one in bins) <= most
