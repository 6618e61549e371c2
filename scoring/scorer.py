"""Scores of a recording from the scores of its frames: any CTC model's, with its vocabulary."""

import math
from collections.abc import Sequence

from torch import Tensor

from models.ctc import force_align, greedy_tokens
from models.network.frames import FrameClock
from phonetics import Vocabulary
from scoring.calibration import Calibration
from scoring.candidates import CandidateChoice, candidate_table
from scoring.evidence import ScoreError, place_evidence
from scoring.expected import expected_sequence
from scoring.place_score import place_scores
from scoring.pronunciation import PronunciationScore, insertions, scored_words

_MOST_TIMES, _MARGIN = 2, 3  # phonemes recognised against expected, beyond which a text hardly fits


class PronunciationScorer:
    """Scores expected phonemes.

    Args:
        vocabulary: the tokens of the model.
        clock: the grid of its frames.
        candidates: what may have been said instead of each phoneme.
        calibration: gives probabilities and verdicts.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        clock: FrameClock,
        candidates: CandidateChoice = "all",
        calibration: Calibration | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.clock = clock
        self._candidates = candidate_table(vocabulary, candidates)
        if calibration is not None and calibration.candidates != candidates:
            raise ScoreError(
                "score: the calibration must be of the same candidates, it is of "
                f"{_named(calibration.candidates)}, the scores are of {_named(candidates)}"
            )
        self._calibration = calibration

    def __call__(
        self, log_probs: Tensor, phonemes: Sequence[str], num_seconds: float, name: str = "waveform"
    ) -> PronunciationScore:
        """Score phonemes and word boundaries on the frames of a recording, (T, V).

        Raises ``VocabularyError`` for phonemes outside the vocabulary, and ``ScoreError`` for a recording
        without speech and for frames that are too few.
        """
        blank_id = self.vocabulary.blank_id
        expected = expected_sequence(phonemes, self.vocabulary)
        evidence = place_evidence(log_probs, expected.labels, blank_id)
        recognised = self.vocabulary.decode(token.token_id for token in greedy_tokens(log_probs, blank_id))
        num_recognised = sum(map(set(self.vocabulary.phonemes).__contains__, recognised))
        if not num_recognised:
            raise ScoreError("score: the recording must hold speech, no phoneme is recognised in it")
        if evidence.log_prob == -math.inf:
            raise ScoreError("score: the network must give these phonemes a probability, it gives them none")
        words = scored_words(
            expected,
            place_scores(evidence, expected.labels, self.vocabulary, self._candidates),
            force_align(log_probs, expected.labels, blank_id),
            self.vocabulary,
            self.clock,
            num_seconds,
        )
        scored = [phoneme for word in words for phoneme in word.phonemes]
        gaps = insertions(evidence, expected, scored, self.vocabulary, num_seconds)
        warning = length_warning(num_recognised, len(scored), num_seconds)
        score = PronunciationScore(name, num_seconds, words, gaps, (warning,) if warning else ())
        return self._calibration.applied(score) if self._calibration else score


def _named(candidates: CandidateChoice) -> str:
    return candidates if isinstance(candidates, str) else "a table"


def length_warning(num_recognised: int, num_expected: int, num_seconds: float) -> str | None:
    """Describe a recording that seems far shorter or longer than its text; None for any other.

    >>> print(length_warning(12, 10, 1.0), length_warning(40, 10, 5.5), sep=chr(10))
    None
    the recording is far longer than its text, or the model adds many sounds: 10 sounds expected, 40 \
recognised in 5.50 s
    """
    if num_recognised > _MOST_TIMES * num_expected + _MARGIN:
        relation, fault = "longer", "adds"
    elif num_expected > _MOST_TIMES * num_recognised + _MARGIN:
        relation, fault = "shorter", "misses"
    else:
        return None
    return (
        f"the recording is far {relation} than its text, or the model {fault} many sounds: "
        f"{num_expected} sounds expected, {num_recognised} recognised in {num_seconds:.2f} s"
    )
