"""The score of a place: goodness of pronunciation without segmentation, and what was said instead."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from phonetics import Vocabulary
from scoring.evidence import PlaceEvidence

LEFT_OUT = ""  # the diagnosis of a phoneme that was not said


class PlaceScore(NamedTuple):
    """How probable one expected phoneme is at its place, all else as expected.

    Log ratios are relative to the expected sequence: above 0, the other one is more probable.
    """

    gop: float  # log posterior of the expected phoneme, 0 or less
    said: str  # the diagnosis: the most probable other phoneme, or "" where leaving it out is more probable
    said_log_ratio: float  # of the diagnosis
    deleted_log_ratio: float  # of leaving it out


class GapScore(NamedTuple):
    """The most probable further phoneme in a gap, and its log ratio; above 0, it was probably said."""

    symbol: str
    log_ratio: float


def place_scores(
    evidence: PlaceEvidence,
    labels: Sequence[int],
    vocabulary: Vocabulary,
    candidates: Tensor,  # (V, V), see candidate_table
) -> list[PlaceScore | None]:
    """Score the places of the expected labels; tokens that are no phonemes, as word boundaries, have none.

    gop = log p(l) − log (p(l without the phoneme) + Σ_v p(l with v instead)), the sum over all candidates.
    """
    expected = torch.tensor(list(labels))[:, None]  # (L, 1)
    replaced = evidence.replaced.masked_fill(~candidates[expected[:, 0]], -torch.inf)
    own = evidence.replaced.gather(1, expected)
    total = torch.cat([replaced, evidence.deleted[:, None]], dim=1).logsumexp(dim=1)
    best, said = replaced.scatter(1, expected, -torch.inf).max(dim=1)
    rows = zip(
        labels,
        (own[:, 0] - total).clamp(max=0.0).tolist(),
        said.tolist(),
        (best - own[:, 0]).tolist(),
        (evidence.deleted - own[:, 0]).tolist(),
        strict=True,
    )
    phonemes = {vocabulary.ids[name] for name in vocabulary.phonemes}
    return [
        _place_score(gop, vocabulary.tokens[other], said_ratio, deleted_ratio) if label in phonemes else None
        for label, gop, other, said_ratio, deleted_ratio in rows
    ]


def _place_score(gop: float, other: str, said_log_ratio: float, deleted_log_ratio: float) -> PlaceScore:
    if deleted_log_ratio >= said_log_ratio:
        return PlaceScore(gop, LEFT_OUT, deleted_log_ratio, deleted_log_ratio)
    return PlaceScore(gop, other, said_log_ratio, deleted_log_ratio)


def gap_scores(evidence: PlaceEvidence, vocabulary: Vocabulary) -> list[GapScore]:
    """Find the best further phoneme before each label, and behind the last one."""
    ids = torch.tensor([vocabulary.ids[name] for name in vocabulary.phonemes])
    best, places = (evidence.inserted[:, ids] - evidence.log_prob).max(dim=1)
    return [
        GapScore(vocabulary.phonemes[place], ratio)
        for place, ratio in zip(places.tolist(), best.tolist(), strict=True)
    ]
