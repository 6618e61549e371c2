"""Forced alignment by hand, and against every path there is."""

import itertools
import math

import pytest
import torch

from dataset_modules.labels.encoder import frames_needed
from models.ctc.forced_alignment import AlignmentError, force_align
from models.ctc.greedy import collapse


def _frames(*rows):
    return torch.tensor(rows).log()


def test_spans_and_confidences_by_hand():
    log_probs = _frames([0.7, 0.2, 0.1], [0.2, 0.8, 0.0], [0.3, 0.2, 0.5], [0.9, 0.05, 0.05], [0.6, 0.0, 0.4])
    first, second = force_align(log_probs, [1, 2], blank_id=0)
    assert first[:2] == (1, 2)
    assert second[:2] == (2, 3)
    assert first.confidence == pytest.approx(0.8)
    assert second.confidence == pytest.approx(0.5)


def test_the_confidence_is_the_geometric_mean_over_the_spans_frames():
    log_probs = _frames([0.1, 0.9], [0.6, 0.4], [0.9, 0.1], [0.9, 0.1])
    log_probs[1] = torch.tensor([0.4, 0.6]).log()
    (span,) = force_align(log_probs, [1], blank_id=0)
    assert span[:2] == (0, 2)
    assert span.confidence == pytest.approx(math.sqrt(0.9 * 0.6))


def test_repeats_keep_their_own_spans_with_a_blank_between():
    log_probs = _frames([0.1, 0.9], [0.4, 0.6], [0.1, 0.9])
    assert [span[:2] for span in force_align(log_probs, [1, 1], blank_id=0)] == [(0, 1), (2, 3)]


def test_another_blank_is_respected():
    log_probs = _frames([0.1, 0.9], [0.9, 0.1], [0.2, 0.8])
    assert [span[:2] for span in force_align(log_probs, [0], blank_id=1)] == [(1, 2)]


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
