"""CTC prefix beam search, with an optional n-gram model of phonemes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from inference.decoding.ngram import START, NgramModel
from models.ctc import TimedToken, force_align
from phonetics import Vocabulary

_NEVER = -math.inf
_LEAST_LOG_PROB = math.log(1e-4)  # less likely tokens of a frame are pruned
_LN10 = math.log(10.0)
Prefix = tuple[int, ...]
Bonus = Callable[[Prefix, int], float]  # added to the score of a prefix for a next token


class Hypothesis(NamedTuple):
    """A sequence with the log-probability of all its paths, without and with its bonuses."""

    tokens: Prefix
    log_prob: float
    score: float


class _Beam(NamedTuple):
    """The paths of one prefix: those that end in a blank, and those that end in its last token."""

    blank: float = _NEVER
    token: float = _NEVER
    bonus: float = 0.0

    @property
    def score(self) -> float:
        return _add(self.blank, self.token) + self.bonus


def beam_search(
    log_probs: NDArray[np.float32],  # (F, V)
    blank_id: int,
    beam_size: int,
    bonus: Bonus = lambda prefix, token: 0.0,
    least_log_prob: float = _LEAST_LOG_PROB,
) -> list[Hypothesis]:
    """Find the most probable sequences, best first, each summed over its paths.

    >>> frames = np.log(np.array([[0.4, 0.6], [0.7, 0.3]], dtype=np.float32))
    >>> [(found.tokens, round(math.exp(found.log_prob), 2)) for found in beam_search(frames, 0, 4)]
    [((1,), 0.72), ((), 0.28)]
    """
    beams: dict[Prefix, _Beam] = {(): _Beam(blank=0.0)}
    for frame in log_probs:
        likely = np.flatnonzero(frame >= min(least_log_prob, float(frame.max())))
        tokens = [(int(token), float(frame[token])) for token in likely if token != blank_id]
        grown = _grow(beams, float(frame[blank_id]), tokens, bonus)
        best = sorted(grown.items(), key=lambda item: -item[1].score)[:beam_size]
        beams = dict(best)
    found = [Hypothesis(prefix, _add(b.blank, b.token), b.score) for prefix, b in beams.items()]
    return sorted(found, key=lambda hypothesis: -hypothesis.score)


def _grow(
    beams: dict[Prefix, _Beam], blank: float, tokens: Sequence[tuple[int, float]], bonus: Bonus
) -> dict[Prefix, _Beam]:
    """Extend all prefixes by one frame."""
    grown: dict[Prefix, _Beam] = {}
    for prefix, beam in beams.items():
        last = prefix[-1] if prefix else None
        total = _add(beam.blank, beam.token)
        stays = grown.get(prefix, _Beam(bonus=beam.bonus))
        grown[prefix] = stays._replace(blank=_add(stays.blank, total + blank))
        for token, log_prob in tokens:
            paths = total
            if token == last:  # without a blank between them, both frames belong to one token
                same = grown[prefix]
                grown[prefix] = same._replace(token=_add(same.token, beam.token + log_prob))
                paths = beam.blank
            if paths == _NEVER:
                continue
            longer = (*prefix, token)
            there = grown.get(longer)
            if there is None:
                known = beams.get(longer)
                there = _Beam(bonus=known.bonus if known else beam.bonus + bonus(prefix, token))
            grown[longer] = there._replace(token=_add(there.token, paths + log_prob))
    return grown


def _add(first: float, second: float) -> float:
    """Add two probabilities given as logarithms."""
    if first < second:
        first, second = second, first
    return first if second == _NEVER else first + math.log1p(math.exp(second - first))


@dataclass(frozen=True)
class BeamDecoder:
    """Decodes by beam search; the language model uses the tokens before a segment as its history."""

    vocabulary: Vocabulary
    beam_size: int  # how many prefixes are kept after each frame
    language_model: NgramModel | None = (
        None  # of phonemes, and of word boundaries where the vocabulary has them
    )
    _: KW_ONLY
    lm_weight: float = 0.5  # of its log-probabilities; those of the network have weight 1
    token_bonus: float = 0.0  # added for each token, since language models prefer short sequences

    def __call__(self, log_probs: Tensor, previous: tuple[int, ...] = ()) -> list[TimedToken]:
        """Decode scores, (F, V), and align the best sequence with its frames."""
        blank_id = self.vocabulary.blank_id
        best = beam_search(log_probs.numpy(), blank_id, self.beam_size, self._bonus_after(previous))[0]
        return force_align(log_probs, best.tokens, blank_id)

    def _bonus_after(self, previous: tuple[int, ...]) -> Bonus:
        model, names = self.language_model, self.vocabulary.tokens
        if model is None:
            return lambda prefix, token: self.token_bonus
        reach = model.order - 1
        known: dict[tuple[Prefix, int], float] = {}

        def bonus(prefix: Prefix, token: int) -> float:
            before = (*previous, *prefix)[-reach:] if reach else ()
            key = (before, token)
            if key not in known:
                history = [names[index] for index in before]
                if len(history) < reach:
                    history.insert(0, START)
                known[key] = self.lm_weight * _LN10 * model.log_prob(names[token], history) + self.token_bonus
            return known[key]

        return bonus
