"""The loss against torch's own mean; decoding by hand; forced alignment against every path there is."""

import itertools
import math

import pytest
import torch

from dataset_modules.labels.encoder import frames_needed
from models.ctc import (
    AlignmentError,
    TimedToken,
    blank_share,
    collapse,
    ctc_losses,
    force_align,
    greedy_decode,
    greedy_tokens,
)


def test_the_mean_is_torchs_mean():
    torch.manual_seed(0)
    log_probs = torch.randn(2, 12, 5).log_softmax(-1)
    labels, frames, lengths = (
        torch.tensor([[1, 2, 3], [4, 4, 0]]),
        torch.tensor([12, 9]),
        torch.tensor([3, 2]),
    )
    expected = torch.nn.CTCLoss(blank=0)(log_probs.transpose(0, 1), labels, frames, lengths)
    assert float(ctc_losses(log_probs, frames, labels, lengths, 0).mean()) == pytest.approx(
        float(expected), rel=1e-6
    )


def test_labels_that_do_not_fit_count_zero():
    log_probs = torch.randn(1, 3, 5).log_softmax(-1)
    losses = ctc_losses(log_probs, torch.tensor([3]), torch.tensor([[1, 1, 1]]), torch.tensor([3]), 0)
    assert losses.tolist() == [0.0]


# Frames of one utterance: a a blank a b, then padding that says b.
FRAMES = torch.tensor([[1, 1, 0, 1, 2, 2, 2]])
LOG_PROBS = torch.nn.functional.one_hot(FRAMES, 3).float()


def test_repeats_merge_and_blanks_separate():
    assert greedy_decode(LOG_PROBS, torch.tensor([5]), blank_id=0) == [[1, 1, 2]]


def test_frames_behind_the_end_do_not_count():
    assert greedy_decode(LOG_PROBS, torch.tensor([3]), blank_id=0) == [[1]]
    assert blank_share(LOG_PROBS, torch.tensor([3]), blank_id=0) == (1, 3)


def test_another_blank_is_respected():
    assert greedy_decode(LOG_PROBS, torch.tensor([7]), blank_id=2) == [[1, 0, 1]]


def scores_of(ids, size=4, sure=0.7):
    rest = (1 - sure) / (size - 1)
    probabilities = torch.full((len(ids), size), rest)
    probabilities[torch.arange(len(ids)), torch.tensor(ids)] = sure
    return probabilities.log()


def test_repeats_are_one_token_and_blanks_none():
    tokens = greedy_tokens(scores_of([0, 2, 2, 0, 2, 3, 0]), blank_id=0)
    assert [token[:3] for token in tokens] == [(2, 1, 3), (2, 4, 5), (3, 5, 6)]
    assert all(token.confidence == pytest.approx(0.7) for token in tokens)


def test_the_tokens_are_those_of_greedy_decoding():
    generator = torch.Generator().manual_seed(1)
    log_probs = torch.randn(1, 200, 5, generator=generator).log_softmax(-1)
    tokens = greedy_tokens(log_probs[0], blank_id=0)
    assert [token.token_id for token in tokens] == greedy_decode(log_probs, torch.tensor([200]), 0)[0]


def test_no_frames_give_no_tokens():
    assert greedy_tokens(torch.zeros(0, 4), blank_id=0) == []


def test_a_confidence_is_the_geometric_mean_over_the_tokens_frames():
    frames = torch.tensor([[0.1, 0.9], [0.4, 0.6], [0.9, 0.1]]).log()
    (token,) = greedy_tokens(frames, blank_id=0)
    assert token.confidence == pytest.approx(math.sqrt(0.9 * 0.6))


def test_a_token_heard_where_it_was_said_is_as_sure_as_its_reference():
    generator = torch.Generator().manual_seed(2)
    log_probs = (4 * torch.randn(50, 5, generator=generator)).log_softmax(-1)
    recognised = greedy_tokens(log_probs, blank_id=0)
    laid = force_align(log_probs, [token.token_id for token in recognised], 0)
    assert [token[:3] for token in recognised] == [token[:3] for token in laid]
    assert [token.confidence for token in recognised] == pytest.approx([span.confidence for span in laid])


def test_a_token_in_two_parts_is_as_sure_as_in_one():
    probabilities = torch.tensor([0.9, 0.6, 0.7, 0.8])
    frames = torch.stack([1 - probabilities, probabilities], dim=1).log()
    (whole,) = greedy_tokens(frames, blank_id=0)
    (first,), (rest,) = greedy_tokens(frames[:1], blank_id=0), greedy_tokens(frames[1:], blank_id=0)
    joined = first.continued(rest.later(1))
    assert joined[:3] == whole[:3]
    assert joined.confidence == pytest.approx(whole.confidence)
    assert TimedToken(1, 0, 1, 0.0).continued(TimedToken(1, 1, 2, 0.5)).confidence == 0.0


def _frames(*rows):
    return torch.tensor(rows).log()


def test_spans_and_confidences_by_hand():
    log_probs = _frames([0.7, 0.2, 0.1], [0.2, 0.8, 0.0], [0.3, 0.2, 0.5], [0.9, 0.05, 0.05], [0.6, 0.0, 0.4])
    first, second = force_align(log_probs, [1, 2], blank_id=0)
    assert first[1:3] == (1, 2)
    assert second[1:3] == (2, 3)
    assert first.confidence == pytest.approx(0.8)
    assert second.confidence == pytest.approx(0.5)


def test_the_confidence_is_the_geometric_mean_over_the_spans_frames():
    log_probs = _frames([0.1, 0.9], [0.6, 0.4], [0.9, 0.1], [0.9, 0.1])
    log_probs[1] = torch.tensor([0.4, 0.6]).log()
    (span,) = force_align(log_probs, [1], blank_id=0)
    assert span[1:3] == (0, 2)
    assert span.confidence == pytest.approx(math.sqrt(0.9 * 0.6))


def test_repeats_keep_their_own_spans_with_a_blank_between():
    log_probs = _frames([0.1, 0.9], [0.4, 0.6], [0.1, 0.9])
    assert [span[1:3] for span in force_align(log_probs, [1, 1], blank_id=0)] == [(0, 1), (2, 3)]


def test_alignment_respects_another_blank():
    log_probs = _frames([0.1, 0.9], [0.9, 0.1], [0.2, 0.8])
    assert [span[1:3] for span in force_align(log_probs, [0], blank_id=1)] == [(1, 2)]


def test_no_labels_give_no_spans():
    assert force_align(torch.zeros(3, 2).log_softmax(-1), [], blank_id=0) == []
    assert force_align(torch.zeros(0, 2), [], blank_id=0) == []


@pytest.mark.parametrize("labels", [[1, 1], [1, 2, 1], [0], [3], [-1]])
def test_what_cannot_be_aligned_is_refused(labels):
    with pytest.raises(AlignmentError, match=r"align: .*(labels must be ids below 3|need \d frames)"):
        force_align(torch.zeros(2, 3).log_softmax(-1), labels, blank_id=0)


def _best_score(log_probs, labels, blank_id):
    """Over every path of the frames that spells the labels."""
    num_frames, size = log_probs.shape
    paths = itertools.product(range(size), repeat=num_frames)
    spelling = [path for path in paths if collapse(torch.tensor(path), blank_id) == labels]
    return max(sum(float(log_probs[t, token]) for t, token in enumerate(path)) for path in spelling)


@pytest.mark.parametrize("seed", range(12))
def test_the_path_is_the_best_of_all_paths(seed):
    generator = torch.Generator().manual_seed(seed)
    blank_id = seed % 3
    log_probs = torch.randn(6, 3, generator=generator).mul(2).log_softmax(-1)
    tokens = [token for token in range(3) if token != blank_id]
    labels = [tokens[int(pick)] for pick in torch.randint(2, (1 + seed % 3,), generator=generator)]
    spans = force_align(log_probs, labels, blank_id)
    path = torch.full((6,), blank_id)
    for label, span in zip(labels, spans, strict=True):
        path[span.start_frame : span.end_frame] = label
    assert collapse(path, blank_id) == labels
    score = float(log_probs[torch.arange(6), path].sum())
    assert score == pytest.approx(_best_score(log_probs, labels, blank_id), abs=1e-5)


def test_as_many_frames_as_needed_are_enough():
    labels = [1, 1, 2, 2, 1]
    log_probs = torch.zeros(frames_needed(labels), 3).log_softmax(-1)
    assert len(force_align(log_probs, labels, blank_id=0)) == len(labels)
    with pytest.raises(AlignmentError):
        force_align(log_probs[1:], labels, blank_id=0)
