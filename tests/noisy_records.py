"""Utterances with errors, made by a seed."""

import random
from collections.abc import Callable

import pytest

from evaluation.utterance_record import UtteranceRecord


@pytest.fixture(scope="session")
def noisy_records() -> Callable[..., list[UtteranceRecord]]:
    """Utterances of made-up words in which some phonemes are substituted, deleted or inserted."""

    def make(size: int = 60, error_rate: float = 0.1, seed: int = 0) -> list[UtteranceRecord]:
        draw, noise = random.Random(1), random.Random(f"noise {seed}")
        return [_noisy_record(number, draw, noise, error_rate) for number in range(size)]

    return make


_PHONEMES = ("p", "t", "d", "k", "s", "z", "m", "n", "l", "i", "e", "a", "u", "tʃ")


def _noisy_record(
    number: int, draw: random.Random, noise: random.Random, error_rate: float
) -> UtteranceRecord:
    words = [draw.choices(_PHONEMES, k=draw.randrange(2, 7)) for _ in range(draw.randrange(2, 6))]
    reference = [token for word in words for token in (*word, "|")][:-1]
    hypothesis = [
        phoneme
        for token in reference
        for phoneme in _recognised(token, noise, error_rate if token != "|" else 0.0)
    ]
    return UtteranceRecord(
        id=f"clip-{number:03d}",
        split="test",
        reference=tuple(reference),
        hypothesis=tuple(hypothesis),
        seconds=0.1 * len(reference),
        frames=5 * len(reference),
        blank_share=0.6,
        language="ru" if number % 2 else "de",
        speaker=f"voice{number % 12}",
        text="made-up words",
        attributes={"accent": ("north", "south")[number % 2], "age": str(20 + number % 40)},
        snr_db=float(number % 50),
        hypothesis_times=tuple((0.1 * place, 0.1 * place + 0.04) for place in range(len(hypothesis))),
        hypothesis_confidences=tuple(0.9 for _ in hypothesis),
        reference_times=tuple((0.1 * place, 0.1 * place + 0.06) for place in range(len(reference))),
        reference_confidences=tuple(0.8 for _ in reference),
    )


def _recognised(token: str, noise: random.Random, error_rate: float) -> list[str]:
    if noise.random() >= error_rate:
        return [token]
    return noise.choice(([], [noise.choice(_PHONEMES)], [token, noise.choice(_PHONEMES)]))
