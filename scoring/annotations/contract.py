"""Annotated utterances: what should have been said, and what annotators say about each phoneme."""

from pathlib import Path
from typing import NamedTuple

from scoring.pronunciation import Verdict


class AnnotatedPhoneme(NamedTuple):
    """An expected phoneme and its annotation."""

    symbol: str
    is_right: bool
    said: str | None = None  # another phoneme, "" for one that was left out; None if it is not known
    grade: float | None = None


class AnnotatedWord(NamedTuple):
    """An expected word."""

    phonemes: tuple[AnnotatedPhoneme, ...]
    grade: float | None = None
    said: tuple[str, ...] | None = None  # with what was added, where the annotation has that

    @property
    def spoken(self) -> tuple[str, ...]:
        """Return what was said; an expected phoneme stands for one that nobody knows.

        >>> AnnotatedWord((AnnotatedPhoneme("θ", False, "s"), AnnotatedPhoneme("ɪ", True))).spoken
        ('s', 'ɪ')
        """
        if self.said is not None:
            return self.said
        known = (one.symbol if one.said is None else one.said for one in self.phonemes)
        return tuple(name for name in known if name)


class AnnotatedUtterance(NamedTuple):
    """A recording, or a part of one; a fault makes it unusable."""

    id: str
    audio: Path
    words: tuple[AnnotatedWord, ...] = ()
    speaker: str | None = None
    grade: float | None = None
    start: float = 0.0  # seconds
    end: float | None = None
    fault: str | None = None


class AnnotatedScore(NamedTuple):
    """One annotated phoneme and its score."""

    utterance: str
    speaker: str
    symbol: str  # of the model
    gop: float
    is_right: bool
    said: str | None  # as annotated, in the model's symbols
    found: str  # the diagnosis
    grade: float | None = None
    predicted_grade: float | None = None
    probability_right: float | None = None
    verdict: Verdict | None = None


class AnnotatedMean(NamedTuple):
    """The mean score of a word or an utterance, and its grade."""

    utterance: str
    speaker: str
    score: float
    grade: float
