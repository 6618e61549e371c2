"""Greedy decoding by hand, and the frames of its tokens."""

import math

import pytest
import torch

from models.ctc.forced_alignment import force_align
from models.ctc.greedy import TimedToken, blank_share, greedy_decode, greedy_tokens

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
    heard = greedy_tokens(log_probs, blank_id=0)
    laid = force_align(log_probs, [token.token_id for token in heard], 0)
    assert [token[1:3] for token in heard] == [span[:2] for span in laid]
    assert [token.confidence for token in heard] == pytest.approx([span.confidence for span in laid])


def test_a_token_in_two_parts_is_as_sure_as_in_one():
    probabilities = torch.tensor([0.9, 0.6, 0.7, 0.8])
    frames = torch.stack([1 - probabilities, probabilities], dim=1).log()
    (whole,) = greedy_tokens(frames, blank_id=0)
    (first,), (rest,) = greedy_tokens(frames[:1], blank_id=0), greedy_tokens(frames[1:], blank_id=0)
    joined = first.continued(rest.later(1))
    assert joined[:3] == whole[:3]
    assert joined.confidence == pytest.approx(whole.confidence)
    assert TimedToken(1, 0, 1, 0.0).continued(TimedToken(1, 1, 2, 0.5)).confidence == 0.0
