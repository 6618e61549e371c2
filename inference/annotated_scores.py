"""Score annotated utterances: one row for each phoneme, each graded word and each graded utterance."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from dataset_modules.sources.annotations.contract import LabelledSegment
from dataset_modules.sources.annotations.segment_recordings import recording_of
from dataset_modules.sources.audio import read_clip
from inference.recognizer import Recognizer
from phonetics import WORD_DELIMITER, Vocabulary
from phonetics.notation.symbol_mapping import SymbolMap
from phonetics.text_to_phonemes.base import joined_words
from scoring.annotations.contract import AnnotatedMean, AnnotatedPhoneme, AnnotatedScore, AnnotatedUtterance
from scoring.calibration import Calibration
from scoring.candidates import CandidateChoice
from scoring.evidence import ScoreError
from scoring.pronunciation import PronunciationScore, ScoredPhoneme, ScoredWord


class AnnotatedRows(NamedTuple):
    """The rows of one utterance."""

    phonemes: list[AnnotatedScore]
    words: list[AnnotatedMean]
    utterances: list[AnnotatedMean]


# Scores the expected phonemes of an utterance, in the symbols of the model.
ScoreOf = Callable[[AnnotatedUtterance, Sequence[str]], PronunciationScore]


def score_of_file(
    recognizer: Recognizer, candidates: CandidateChoice = "all", calibration: Calibration | None = None
) -> ScoreOf:
    """Return what reads the recording of an utterance and scores it."""

    def score(utterance: AnnotatedUtterance, expected: Sequence[str]) -> PronunciationScore:
        segment = LabelledSegment(utterance.audio, utterance.start, utterance.end)
        clip = read_clip(recording_of("", segment).audio)
        return recognizer.score(
            clip.waveform,
            clip.sampling_rate,
            phonemes=expected,
            candidates=candidates,
            calibration=calibration,
            name=utterance.id,
        )

    return score


class AnnotationScorer:
    """Scores annotated utterances, whose phonemes are mapped to the symbols of the model.

    A phoneme that is several symbols of the model has the score of the worst of them.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._symbols: dict[str, tuple[str, ...]] = {}  # of the model, by the annotated phoneme

    def __call__(self, utterance: AnnotatedUtterance, score_of: ScoreOf) -> AnnotatedRows:
        """Score one utterance; raise ``ValueError`` with the reason where that is not possible."""
        if utterance.fault:
            raise ScoreError(utterance.fault)
        words = [[self._in_model(one.symbol) for one in word.phonemes] for word in utterance.words]
        expected = joined_words([[name for names in word for name in names] for word in words])
        score = score_of(utterance, expected)
        if len(score.phonemes) != sum(name != WORD_DELIMITER for name in expected):
            raise ScoreError("the model's vocabulary spells two of its phonemes as one")
        return self._rows(utterance, score, words)

    def _in_model(self, symbol: str) -> tuple[str, ...]:
        if symbol not in self._symbols:
            self._symbols[symbol] = symbols_in(self._vocabulary, symbol)
        return self._symbols[symbol]

    def _rows(
        self,
        utterance: AnnotatedUtterance,
        score: PronunciationScore,
        words: Sequence[Sequence[tuple[str, ...]]],
    ) -> AnnotatedRows:
        unit = utterance.id, utterance.speaker or utterance.id
        scored = iter(score.phonemes)
        rows: list[AnnotatedScore] = []
        means: list[AnnotatedMean] = []
        for word, names in zip(utterance.words, words, strict=True):
            groups = [[next(scored) for _ in own] for own in names]
            rows += [
                self._row(*unit, annotated, group)
                for annotated, group in zip(word.phonemes, groups, strict=True)
            ]
            if word.grade is not None:
                means.append(
                    AnnotatedMean(*unit, _mean(one for group in groups for one in group), word.grade)
                )
        whole = (
            [AnnotatedMean(*unit, _mean(score.phonemes), utterance.grade)]
            if utterance.grade is not None
            else []
        )
        return AnnotatedRows(rows, means, whole)

    def _row(
        self, utterance: str, speaker: str, annotated: AnnotatedPhoneme, group: Sequence[ScoredPhoneme]
    ) -> AnnotatedScore:
        worst = min(group, key=lambda one: one.gop)
        said = annotated.said and " ".join(self._in_model(annotated.said))
        return AnnotatedScore(
            *(utterance, speaker, worst.symbol, worst.gop, annotated.is_right, said, worst.said),
            *(annotated.grade, worst.grade, worst.probability_right, worst.verdict),
        )


def _mean(phonemes: Iterable[ScoredPhoneme]) -> float:
    """Return the mean grade where a calibration predicts grades, else the mean gop."""
    listed = list(phonemes)
    grades = [one.grade for one in listed if one.grade is not None]
    return sum(grades) / len(grades) if grades else ScoredWord(tuple(listed)).gop


def symbols_in(vocabulary: Vocabulary, phoneme: str) -> tuple[str, ...]:
    """Return the symbols of a model for a phoneme: the same one, several, or the nearest by its features.

    >>> symbols_in(Vocabulary(("[PAD]", "a", "t", "ʃ")), "tʃ")
    ('t', 'ʃ')
    >>> symbols_in(Vocabulary(("[PAD]", "DH", "AA")), "ð")
    ('DH',)
    """
    # A model whose symbols are ARPABET is mapped to the phoneme, not the phoneme to its symbols.
    symbols = SymbolMap(vocabulary.phonemes, Vocabulary(("[PAD]", phoneme)))
    nearest = symbols.symbol_of(phoneme)
    match = SymbolMap([phoneme], vocabulary).matches[phoneme]
    if nearest is not None and (symbols.matches[nearest].way == "identical" or match.way == "none"):
        return (nearest,)
    if match.way == "none":
        raise ScoreError(f"the model has no symbol for the phoneme {phoneme}, and none that is near")
    return match.phonemes
