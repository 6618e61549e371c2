"""What the frames say about every place of an expected sequence: another phoneme, none, one more.

p(l|X) is CTC's total probability of the sequence l. For all places i and all phonemes v at once, this
module computes p(l with l_i replaced by v), p(l without l_i) and p(l with v inserted), in O(T·L·V), where
one call of the loss for each would take O(T·L²·V).

A path that has v between two fixed parts of l enters v once and leaves it once. α_t(s) sums the paths through
the first part that are in state s at frame t, β_t(s) those through the last part. Neither depends on v. Then

    a_t(v) = y_t(v) · (a_{t−1}(v) + α_{t−1}(blank before) + [v ≠ label before] · α_{t−1}(label before))
    p(v) = Σ_t a_t(v) · (β_{t+1}(blank behind) + [v ≠ label behind] · β_{t+1}(label behind))

β includes frame t + 1 itself: it is α of the reversed sequence and frames. Two virtual labels, which equal no
other, stand before the first frame and behind the last one, so that every place has neighbours.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dataset_modules.labels.encoder import frames_needed

_NEVER = -math.inf
_NO_LABEL = -1  # the id of both virtual labels
_MOST_VALUES = 4_000_000  # float64 held at once, 32 MB


class ScoreError(ValueError):
    """A sequence cannot be scored on these frames; the message gives the reason."""


class PlaceEvidence(NamedTuple):
    """Log-probabilities of an expected sequence of L labels, and of every sequence one edit away."""

    log_prob: float
    replaced: Tensor  # (L, V) with each label replaced by each token, itself included; -inf for the blank
    deleted: Tensor  # (L,) without each label
    inserted: Tensor  # (L + 1, V) with each token before each label, and behind the last one


class _Doors(NamedTuple):
    """The states in which a part of the sequence can end, for each number n = 0…L of labels in it.

    Row t sums the paths that are there after t frames; the last label and the blank behind it.
    """

    ids: Tensor  # (L + 1,) the last label
    label: Tensor  # (T + 1, L + 1) log-probabilities
    blank: Tensor  # (T + 1, L + 1)

    def backwards(self) -> "_Doors":
        """Return the same for the reversed sequence on the reversed frames, in the original order."""
        return _Doors(*(part.flip(*range(part.dim())) for part in self))


def place_evidence(log_probs: Tensor, labels: Sequence[int], blank_id: int) -> PlaceEvidence:
    """Compute the evidence of scores, (T, V), in float64, for the expected labels.

    >>> frames = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]]).log()
    >>> found = place_evidence(frames, [1], blank_id=0)
    >>> found.replaced.exp().round(decimals=2).tolist(), found.deleted.exp().round(decimals=2).tolist()
    ([[0.0, 0.37, 0.33]], [0.12])
    """
    _check(log_probs, labels, blank_id)
    scores = log_probs.detach().cpu().double()  # (T, V)
    before, after = _doors(scores, torch.tensor(labels), blank_id)
    rows = torch.arange(len(labels) + 1)
    # First the places, between the label before and the one behind, then the gaps.
    first, last = torch.cat([rows[:-1], rows]), torch.cat([rows[1:], rows])
    edited = _between(scores, _at(before, first), _at(after, last))
    edited[:, blank_id] = _NEVER
    replaced, inserted = edited.split([len(labels), len(labels) + 1])
    deleted = _without(_at(before, rows[:-1]), _at(after, rows[1:]))
    log_prob = float(torch.logaddexp(before.label[-1, -1], before.blank[-1, -1]))
    return PlaceEvidence(log_prob, replaced, deleted, inserted)


def _check(log_probs: Tensor, labels: Sequence[int], blank_id: int) -> None:
    num_frames, size = log_probs.shape
    if not labels:
        raise ScoreError("score: at least one phoneme must be expected, there is none")
    wrong = sorted({label for label in labels if label == blank_id or not 0 <= label < size})
    if wrong:
        raise ScoreError(
            f"score: labels must be ids below {size} and not the blank ({blank_id}), got {wrong}"
        )
    if log_probs.isnan().any():
        raise ScoreError("score: the network's output must be numbers, some are NaN")
    if num_frames < frames_needed(labels):
        raise ScoreError(
            f"score: {len(labels)} labels need {frames_needed(labels)} frames (a blank between repeats), "
            f"there are {num_frames}"
        )


def _doors(scores: Tensor, labels: Tensor, blank_id: int) -> tuple[_Doors, _Doors]:
    """Compute the doors of all first parts, and those of all last parts."""
    frames, sequences = torch.stack([scores, scores.flip(0)], dim=1), torch.stack([labels, labels.flip(0)])
    sizes = [len(scores)] * 2, [len(labels)] * 2
    # The loss of torch returns its lattice: (2, T, 2·L + 1), a blank before, between and behind the labels.
    _, lattices = torch.ops.aten._ctc_loss(frames, sequences, *sizes, blank_id)
    before, after = (_ends(*pair) for pair in zip(sequences, lattices, strict=True))
    return before, after.backwards()


def _ends(labels: Tensor, lattice: Tensor) -> _Doors:
    num_frames, num_labels = len(lattice), len(labels)
    ids = torch.cat([torch.tensor([_NO_LABEL]), labels])
    label, blank = lattice.new_full((2, num_frames + 1, num_labels + 1), _NEVER)
    label[0, 0] = 0.0
    blank[1:] = lattice[:, 0::2]
    label[1:, 1:] = lattice[:, 1::2]
    return _Doors(ids, label, blank)


def _at(doors: _Doors, columns: Tensor) -> _Doors:
    return _Doors(doors.ids[columns], doors.label[:, columns], doors.blank[:, columns])


def _without(before: _Doors, after: _Doors) -> Tensor:
    """Sum the paths from the first parts straight into the last parts, (R,).

    The labels share one blank. A path may leave it out, unless the labels are equal.
    """
    label = torch.where(before.ids == after.ids, _NEVER, before.label)
    return torch.logsumexp(torch.logaddexp(before.blank, label) + after.label, dim=0)


def _between(scores: Tensor, before: _Doors, after: _Doors) -> Tensor:
    """Sum the paths that have one token between first and last parts, for all tokens, (R, V)."""
    size = max(1, _MOST_VALUES // scores.numel())
    chunks = torch.arange(len(before.ids)).split(size)
    return torch.cat([_between_rows(scores, _at(before, rows), _at(after, rows)) for rows in chunks])


def _between_rows(scores: Tensor, before: _Doors, after: _Doors) -> Tensor:
    enter = torch.logaddexp(before.label, before.blank)[:-1]  # (T, R)
    leave = torch.logaddexp(after.label, after.blank)[1:]
    states = _stays(enter[:, :, None], scores[:, None, :])  # (T, R, V)
    # A token that equals the label before it needs a blank between, and so does one that equals the next.
    same = (before.ids != _NO_LABEL).nonzero()[:, 0]
    own = scores[:, before.ids[same]]
    states[:, same, before.ids[same]] = _stays(before.blank[:-1, same], own)
    total = torch.logsumexp(states + leave[:, :, None], dim=0)  # (R, V)
    same = (after.ids != _NO_LABEL).nonzero()[:, 0]
    own = states[:, same, after.ids[same]]
    total[same, after.ids[same]] = torch.logsumexp(own + after.blank[1:, same], dim=0)
    return total


def _stays(enter: Tensor, scores: Tensor) -> Tensor:
    """Sum the paths that entered a token at any frame so far and have stayed there; time comes first."""
    shape = torch.broadcast_shapes(enter.shape, scores.shape)
    states = enter.new_empty(shape)
    state = enter.new_full(shape[1:], _NEVER)
    for now, entered, score in zip(states, enter, scores, strict=True):
        state = torch.add(torch.logaddexp(state, entered), score, out=now)
    return states
