"""The fast form equals one call of the loss for every edited sequence."""

import pytest
import torch
from torch.nn import functional as F

from scoring.evidence import ScoreError, place_evidence

BLANK = 2  # any id may be the blank


def _log_prob(log_probs, labels):
    """CTC's total log-probability of a sequence, by torch's loss."""
    losses = F.ctc_loss(
        log_probs[:, None],
        torch.tensor([labels], dtype=torch.long).reshape(1, -1),
        [len(log_probs)],
        [len(labels)],
        blank=BLANK,
        reduction="none",
    )
    return -losses[0]


def _enumerated(log_probs, labels):
    tokens = range(log_probs.shape[1])
    edited = [[[*labels[:i], v, *labels[i + 1 :]] for v in tokens] for i in range(len(labels))]
    more = [[[*labels[:i], v, *labels[i:]] for v in tokens] for i in range(len(labels) + 1)]
    shorter = [[*labels[:i], *labels[i + 1 :]] for i in range(len(labels))]

    def score(sequences):
        return torch.stack([torch.stack([_log_prob(log_probs, one) for one in row]) for row in sequences])

    return score(edited), torch.stack([_log_prob(log_probs, one) for one in shorter]), score(more)


def _lattice(seed, num_frames, size, dtype, sharpness=3.0):
    generator = torch.Generator().manual_seed(seed)
    logits = sharpness * torch.randn(num_frames, size, generator=generator, dtype=torch.float64)
    return logits.log_softmax(dim=-1).to(dtype)


SEQUENCES = [
    [0],  # the first place is the last
    [0, 0],
    [0, 1],
    [0, 1, 0],  # without the middle one, equal neighbours meet
    [1, 1, 1],
    [3, 0, 0, 1, 3, 3],
    [0, 1, 3, 4, 5, 4, 3, 1],
]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
@pytest.mark.parametrize("labels", SEQUENCES, ids=str)
@pytest.mark.parametrize("num_frames", [12, 31])
def test_the_fast_form_equals_enumeration(labels, num_frames, dtype, tolerance):
    log_probs = _lattice(len(labels), num_frames, 6, dtype)
    found = place_evidence(log_probs, labels, BLANK)
    replaced, deleted, inserted = _enumerated(log_probs, labels)
    phonemes = [v for v in range(6) if v != BLANK]
    close = {"atol": tolerance, "rtol": 0.0, "check_dtype": False}
    assert found.log_prob == pytest.approx(float(_log_prob(log_probs, labels)), abs=tolerance)
    torch.testing.assert_close(found.replaced[:, phonemes], replaced[:, phonemes], **close)
    torch.testing.assert_close(found.deleted, deleted, **close)
    torch.testing.assert_close(found.inserted[:, phonemes], inserted[:, phonemes], **close)


@pytest.mark.parametrize("seed", range(10))
def test_the_fast_form_equals_enumeration_where_frames_hardly_suffice(seed):
    """Some edited sequences have no path at all."""
    labels = torch.randint(0, 2, (4,), generator=torch.Generator().manual_seed(seed)).tolist()
    needed = 4 + sum(one == other for one, other in zip(labels, labels[1:], strict=False))
    log_probs = _lattice(seed, needed, 3, torch.float64)
    found = place_evidence(log_probs, labels, BLANK)
    replaced, deleted, inserted = _enumerated(log_probs, labels)
    for own, other in ((found.replaced, replaced), (found.inserted, inserted)):
        torch.testing.assert_close(own[:, :2], other[:, :2], atol=1e-9, rtol=0.0)
    torch.testing.assert_close(found.deleted, deleted, atol=1e-9, rtol=0.0)


def test_tokens_that_a_frame_cannot_be_do_not_spoil_the_others():
    log_probs = _lattice(1, 20, 5, torch.float64)
    log_probs[3:9, 0] = -torch.inf
    log_probs[12:15, :2] = -1e4  # what digital silence gets
    labels = [0, 1, 4, 4, 1]
    found = place_evidence(log_probs, labels, BLANK)
    replaced, deleted, _ = _enumerated(log_probs, labels)
    assert not found.replaced.isnan().any()
    torch.testing.assert_close(found.replaced[:, [0, 1, 3, 4]], replaced[:, [0, 1, 3, 4]], atol=1e-9, rtol=0)
    torch.testing.assert_close(found.deleted, deleted, atol=1e-9, rtol=0)


def test_rows_are_computed_in_parts_that_fit_into_memory(monkeypatch):
    log_probs, labels = _lattice(0, 40, 6, torch.float64), [0, 1, 1, 3, 5]
    whole = place_evidence(log_probs, labels, BLANK)
    monkeypatch.setattr("scoring.evidence._MOST_VALUES", 2 * 40 * 6)
    parts = place_evidence(log_probs, labels, BLANK)
    for one, other in zip(whole[1:], parts[1:], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)  # sums may be taken in another order


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "at least one phoneme"),
        ([0, BLANK], "not the blank"),
        ([7], "below 4"),
        ([1, 1, 1], "need 5 frames .* there are 4"),
    ],
)
def test_what_cannot_be_scored_has_a_reason(labels, message):
    with pytest.raises(ScoreError, match=message):
        place_evidence(_lattice(0, 4, 4, torch.float32), labels, BLANK)


def test_frames_that_are_no_numbers_are_refused():
    with pytest.raises(ScoreError, match="NaN"):
        place_evidence(torch.full((4, 4), torch.nan), [1], BLANK)
