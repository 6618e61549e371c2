"""The frames of greedily read tokens."""

import pytest
import torch

from models.decoding import greedy_decode
from models.token_times import greedy_tokens


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
    assert [token.id for token in tokens] == greedy_decode(log_probs, torch.tensor([200]), 0)[0]


def test_no_frames_give_no_tokens():
    assert greedy_tokens(torch.zeros(0, 4), blank_id=0) == []
