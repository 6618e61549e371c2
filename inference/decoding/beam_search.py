"""CTC prefix beam search, with an optional n-gram model of phonemes."""

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from inference.decoding.ngram import START, NgramModel, next_token_scores
from models.ctc import TimedToken, force_align
from phonetics import Vocabulary

_NEVER = -math.inf
_LEAST_LOG_PROB = math.log(1e-4)  # less likely tokens of a frame are pruned
_LN10 = math.log(10.0)
Prefix = tuple[int, ...]
Bonuses = Callable[[Prefix], NDArray[np.float64]]  # (V,): added to the score of a prefix for each next token


class Hypothesis(NamedTuple):
    """A sequence with the log-probability of all its paths, without and with its bonuses."""

    tokens: Prefix
    log_prob: float
    score: float


class _Node:
    """A prefix; each is built once, so that two nodes are the same prefix exactly if they are one object."""

    def __init__(self, tokens: Prefix, parent: "_Node | None", bonuses: NDArray[np.float64]) -> None:
        self.tokens, self.parent = tokens, parent
        self.bonuses = bonuses  # (V,) of each next token
        self._longer: dict[int, _Node] = {}

    def longer(self, token: int, bonuses_after: Bonuses) -> "_Node":
        """Return the prefix that has one more token."""
        node = self._longer.get(token)
        if node is None:
            tokens = (*self.tokens, token)
            node = self._longer[token] = _Node(tokens, self, bonuses_after(tokens))
        return node


class _Beams(NamedTuple):
    """The kept prefixes, N of them, with the log-probabilities of their paths."""

    nodes: list[_Node]
    blank: NDArray[np.float64]  # (N,) of the paths that end in a blank
    token: NDArray[np.float64]  # (N,) of those that end in the prefix's last token
    bonus: NDArray[np.float64]  # (N,) sum of the prefix's bonuses


def beam_search(
    log_probs: NDArray[np.float32],  # (F, V)
    blank_id: int,
    beam_size: int,
    bonuses_after: Bonuses | None = None,
    least_log_prob: float = _LEAST_LOG_PROB,
) -> list[Hypothesis]:
    """Find the most probable sequences, best first, each summed over its paths.

    >>> frames = np.log(np.array([[0.4, 0.6], [0.7, 0.3]], dtype=np.float32))
    >>> [(found.tokens, round(math.exp(found.log_prob), 2)) for found in beam_search(frames, 0, 4)]
    [((1,), 0.72), ((), 0.28)]
    """
    no_bonuses = np.zeros(log_probs.shape[1])
    bonuses_after = bonuses_after or (lambda prefix: no_bonuses)
    beams = _Beams([_Node((), None, bonuses_after(()))], np.zeros(1), np.full(1, _NEVER), np.zeros(1))
    frames = log_probs.astype(np.float64)
    unlikely = frames < np.minimum(least_log_prob, frames.max(axis=1, keepdims=True))
    unlikely[:, blank_id] = True  # a blank is no token
    for frame, ignored in zip(frames, unlikely, strict=True):
        beams = _next_beams(
            beams, float(frame[blank_id]), np.where(ignored, _NEVER, frame), beam_size, bonuses_after
        )
    sums = np.logaddexp(beams.blank, beams.token)
    order = np.argsort(-(sums + beams.bonus), kind="stable")
    return [Hypothesis(beams.nodes[n].tokens, float(sums[n]), float(sums[n] + beams.bonus[n])) for n in order]


def _next_beams(
    beams: _Beams, blank: float, tokens: NDArray[np.float64], beam_size: int, bonuses_after: Bonuses
) -> _Beams:
    """Extend all prefixes by one frame with scores ``blank`` and ``tokens``, (V,); keep the best.

    The same work is done whether a frame has one likely token or all are: arrays hold every extension.
    """
    nodes, count = beams.nodes, len(beams.nodes)
    total = np.logaddexp(beams.blank, beams.token)
    stays_blank = total + blank
    stays_token = np.full(count, _NEVER)
    longer = total[:, None] + tokens  # (N, V)
    ends = [n for n in range(count) if nodes[n].tokens]
    last = [nodes[n].tokens[-1] for n in ends]
    # Without a blank between them, two frames of one token are one token.
    stays_token[ends] = beams.token[ends] + tokens[last]
    longer[ends, last] = beams.blank[ends] + tokens[last]
    # An extension may give a prefix that is kept already: its paths go there.
    position: dict[_Node | None, int] = {node: n for n, node in enumerate(nodes)}
    for n, token in zip(ends, last, strict=True):
        parent = position.get(nodes[n].parent)
        if parent is not None:
            stays_token[n] = np.logaddexp(stays_token[n], longer[parent, token])
            longer[parent, token] = _NEVER
    bonus = beams.bonus[:, None] + np.stack([node.bonuses for node in nodes])  # (N, V)
    scores = np.concatenate([np.logaddexp(stays_blank, stays_token) + beams.bonus, (longer + bonus).ravel()])
    best = np.argsort(-scores, kind="stable")[:beam_size]
    best = best[scores[best] > _NEVER]
    kept, (parents, added) = best[best < count], np.divmod(best[best >= count] - count, len(tokens))
    grown = [nodes[n].longer(int(token), bonuses_after) for n, token in zip(parents, added, strict=True)]
    return _Beams(
        [nodes[n] for n in kept] + grown,
        np.concatenate([stays_blank[kept], np.full(len(grown), _NEVER)]),
        np.concatenate([stays_token[kept], longer[parents, added]]),
        np.concatenate([beams.bonus[kept], bonus[parents, added]]),
    )


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

    def __call__(self, log_probs: Tensor, previous: Prefix = ()) -> list[TimedToken]:
        """Decode scores, (F, V), and align the best sequence with its frames."""
        return force_align(log_probs, self.best(log_probs, previous), self.vocabulary.blank_id)

    def best(self, log_probs: Tensor, previous: Prefix = ()) -> Prefix:
        """Return the best sequence for scores, (F, V)."""
        bonuses = self._bonuses_after(previous)
        return beam_search(log_probs.numpy(), self.vocabulary.blank_id, self.beam_size, bonuses)[0].tokens

    def _bonuses_after(self, previous: Prefix) -> Bonuses:
        model, names = self.language_model, self.vocabulary.tokens
        if model is None:
            constant = np.full(len(names), self.token_bonus)
            return lambda prefix: constant
        reach = model.order - 1
        scores = next_token_scores(model, tuple(names))

        def bonuses(prefix: Prefix) -> NDArray[np.float64]:
            before = (*previous, *prefix[-reach:])[-reach:] if reach else ()
            history = tuple(names[index] for index in before)
            start = (START,) if len(history) < reach else ()
            return self.lm_weight * _LN10 * scores.after((*start, *history)) + self.token_bonus

        return bonuses
