"""Greedy decoding by hand."""

import torch

from models.ctc.greedy import blank_share, greedy_decode

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
