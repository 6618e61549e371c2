"""The scores of a recording: of phonemes, words and the utterance, with times."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from models.ctc import TimedToken
from models.network.frames import FrameClock, TimeSpan, token_times
from phonetics import Vocabulary
from scoring.evidence import PlaceEvidence
from scoring.expected import ExpectedSequence
from scoring.place_score import GapScore, PlaceScore, gap_scores

Verdict = Literal["right", "wrong"]


class ScoredPhoneme(NamedTuple):
    """An expected phoneme: how well it was said, and what was probably said instead.

    Times are in seconds, gop and log ratios in nats. A log ratio above 0 means that the other sequence is
    more probable than the expected one.
    """

    symbol: str
    start: float
    end: float
    gop: float  # log posterior of the expected phoneme at its place, 0 or less
    said: str  # the diagnosis: the most probable other phoneme, or "" for one that was left out
    said_log_ratio: float  # of the diagnosis
    deleted_log_ratio: float  # of leaving the phoneme out
    probability_right: float | None = None  # this and the following need a calibration
    verdict: Verdict | None = None
    grade: float | None = None  # in the scale of the annotated corpus, where it has grades

    @property
    def is_doubtful(self) -> bool:
        """Whether it counts as wrong: by its verdict, or without one if the diagnosis is more probable."""
        return self.said_log_ratio > 0 if self.verdict is None else self.verdict == "wrong"

    def moved(self, seconds: float) -> "ScoredPhoneme":
        """Return the phoneme so many seconds later."""
        return self._replace(start=self.start + seconds, end=self.end + seconds)


class ScoredWord(NamedTuple):
    """An expected word; its scores are the means over its phonemes."""

    phonemes: tuple[ScoredPhoneme, ...]

    @property
    def text(self) -> str:
        """Join the symbols of the phonemes."""
        return "".join(phoneme.symbol for phoneme in self.phonemes)

    @property
    def start(self) -> float:
        """Return the seconds at which the word begins."""
        return self.phonemes[0].start

    @property
    def end(self) -> float:
        """Return the seconds at which the word ends."""
        return self.phonemes[-1].end

    @property
    def gop(self) -> float:
        """Return the mean of the phonemes' gop."""
        return _mean([phoneme.gop for phoneme in self.phonemes])

    @property
    def probability_right(self) -> float | None:
        """Return the mean of the phonemes' probabilities; None without a calibration."""
        return mean_probability(self.phonemes)

    @property
    def verdict(self) -> Verdict | None:
        """Return wrong where a phoneme is; None without a calibration."""
        verdicts = {phoneme.verdict for phoneme in self.phonemes}
        return None if None in verdicts else "wrong" if "wrong" in verdicts else "right"


class Insertion(NamedTuple):
    """The most probable further phoneme in the gap before a phoneme, or behind the last one."""

    before: int  # the number of the phoneme; that of all phonemes for the gap behind the last one
    symbol: str
    log_ratio: float  # above 0, it was probably said
    start: float  # seconds
    end: float

    def moved(self, seconds: float, num_phonemes: int) -> "Insertion":
        """Return the insertion so many seconds and phonemes later."""
        start, end = self.start + seconds, self.end + seconds
        return self._replace(before=self.before + num_phonemes, start=start, end=end)


class UtteranceScore(NamedTuple):
    """Means over all phonemes of an utterance."""

    gop: float
    probability_right: float | None
    num_phonemes: int


class PronunciationScore(NamedTuple):
    """The scores of one recording against the phonemes that should have been said."""

    name: str
    num_seconds: float
    words: tuple[ScoredWord, ...]
    insertions: tuple[Insertion, ...]  # one for each gap, probable or not
    warnings: tuple[str, ...] = ()

    @property
    def phonemes(self) -> tuple[ScoredPhoneme, ...]:
        """List the phonemes of all words."""
        return tuple(phoneme for word in self.words for phoneme in word.phonemes)

    @property
    def probable_insertions(self) -> dict[int, list[Insertion]]:
        """List what was probably inserted, by the number of the phoneme behind it.

        A more probable diagnosis beside a gap explains the same sound. Where two parts of a recording meet,
        there are two gaps.
        """
        phonemes = self.phonemes
        found = defaultdict(list)
        for gap in self.insertions:
            neighbours = [one for one in phonemes[max(0, gap.before - 1) : gap.before + 1] if one.is_doubtful]
            if gap.log_ratio > max([0.0, *(one.said_log_ratio for one in neighbours)]):
                found[gap.before].append(gap)
        return dict(found)

    @property
    def utterance(self) -> UtteranceScore:
        """Return the means over all phonemes."""
        phonemes = self.phonemes
        gop = _mean([phoneme.gop for phoneme in phonemes])
        return UtteranceScore(gop, mean_probability(phonemes), len(phonemes))


def joined_scores(
    name: str, num_seconds: float, parts: Sequence[tuple[float, PronunciationScore]]
) -> PronunciationScore:
    """Join the scores of parts of a recording, each with the seconds at which it starts, in their order."""
    words: list[ScoredWord] = []
    gaps: list[Insertion] = []
    warnings: list[str] = []
    num_phonemes = 0
    for start, part in sorted(parts, key=lambda pair: pair[0]):
        words += [ScoredWord(tuple(one.moved(start) for one in word.phonemes)) for word in part.words]
        gaps += [one.moved(start, num_phonemes) for one in part.insertions]
        warnings += part.warnings
        num_phonemes += len(part.phonemes)
    return PronunciationScore(name, num_seconds, tuple(words), tuple(gaps), tuple(warnings))


def mean_probability(phonemes: Sequence[ScoredPhoneme]) -> float | None:
    """Return the mean probability of having been said right; None without a calibration."""
    known = [one.probability_right for one in phonemes if one.probability_right is not None]
    return _mean(known) if known else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def scored_words(
    expected: ExpectedSequence,
    scores: Sequence[PlaceScore | None],
    spans: Sequence[TimedToken],
    vocabulary: Vocabulary,
    clock: FrameClock,
    num_seconds: float,
) -> tuple[ScoredWord, ...]:
    """Give the scores of places their times, by the alignment of the expected tokens, and group them."""
    times = token_times([(span.start_frame, span.end_frame) for span in spans], clock, num_seconds)
    phonemes = [
        (word, _scored_phoneme(vocabulary.tokens[label], time, score))
        for label, word, time, score in zip(expected.labels, expected.words, times, scores, strict=True)
        if score is not None
    ]
    groups = groupby(phonemes, key=lambda pair: pair[0])
    return tuple(ScoredWord(tuple(phoneme for _, phoneme in group)) for _, group in groups)


def _scored_phoneme(symbol: str, time: TimeSpan, score: PlaceScore) -> ScoredPhoneme:
    gop, said, said_log_ratio, deleted_log_ratio = score
    return ScoredPhoneme(symbol, *time, gop, said, said_log_ratio, deleted_log_ratio)


def insertions(
    evidence: PlaceEvidence,
    expected: ExpectedSequence,
    phonemes: Sequence[ScoredPhoneme],
    vocabulary: Vocabulary,
    num_seconds: float,
) -> tuple[Insertion, ...]:
    """Name the best further phoneme of each gap between phonemes; a word boundary is inside of a gap."""
    best: dict[int, GapScore] = {}
    number = 0
    for gap, score in enumerate(gap_scores(evidence, vocabulary)):
        if number not in best or score.log_ratio > best[number].log_ratio:
            best[number] = score
        number += gap < len(expected.words) and expected.words[gap] is not None
    edges = [TimeSpan(0.0, 0.0), *(TimeSpan(one.start, one.end) for one in phonemes)]
    edges.append(TimeSpan(num_seconds, num_seconds))
    return tuple(
        Insertion(before, *score, edges[before].end_seconds, edges[before + 1].start_seconds)
        for before, score in best.items()
    )
