"""Scores of places: posteriors, diagnoses, limited candidates, gaps."""

import math

import pytest
import torch

from phonetics import Vocabulary
from scoring.candidates import candidate_table
from scoring.evidence import place_evidence
from scoring.place_score import LEFT_OUT, gap_scores, place_scores

VOCABULARY = Vocabulary(("[PAD]", "|", "a", "b", "c"))


def _frames(*tokens, best=0.9):
    """Frames in each of which one token has most of the probability."""
    probabilities = torch.full((len(tokens), len(VOCABULARY)), (1 - best) / (len(VOCABULARY) - 1))
    for row, token in enumerate(tokens):
        probabilities[row, VOCABULARY.ids.get(token, 0)] = best
    return probabilities.log()


def _scores(frames, expected, choice="all"):
    labels = VOCABULARY.encode(expected)
    evidence = place_evidence(frames, labels, VOCABULARY.blank_id)
    return place_scores(evidence, labels, VOCABULARY, candidate_table(VOCABULARY, choice)), evidence


def test_gop_is_the_posterior_worked_out_by_hand():
    """One frame: p(a) = 0.6, p(b) = 0.2, p(c) = 0.1; without a, the blank's 0.05 remains."""
    frames = torch.tensor([[0.05, 0.05, 0.6, 0.2, 0.1]]).log()
    ((score,), _) = _scores(frames, ["a"])
    assert math.exp(score.gop) == pytest.approx(0.6 / (0.6 + 0.2 + 0.1 + 0.05), abs=1e-6)
    assert (score.said, score.said_log_ratio) == ("b", pytest.approx(math.log(0.2 / 0.6), abs=1e-6))
    assert score.deleted_log_ratio == pytest.approx(math.log(0.05 / 0.6), abs=1e-6)


def test_fewer_candidates_leave_more_to_the_expected_phoneme():
    frames = torch.tensor([[0.05, 0.05, 0.6, 0.2, 0.1]]).log()
    ((score,), _) = _scores(frames, ["a"], {"a": "c"})
    assert math.exp(score.gop) == pytest.approx(0.6 / (0.6 + 0.1 + 0.05), abs=1e-6)
    assert score.said == "c"


def test_a_phoneme_without_other_candidates_can_only_be_left_out():
    frames = torch.tensor([[0.05, 0.05, 0.6, 0.2, 0.1]]).log()
    ((score,), _) = _scores(frames, ["a"], {})
    assert (score.said, score.said_log_ratio) == (LEFT_OUT, score.deleted_log_ratio)


def test_the_wrong_phoneme_is_found_and_word_boundaries_have_no_score():
    scores, _ = _scores(_frames("a", "", "|", "", "c", "", "a"), ["a", "|", "b", "a"])
    assert scores[1] is None
    first, wrong, last = (score for score in scores if score)
    assert wrong.said == "c"
    assert wrong.said_log_ratio > 2 > wrong.deleted_log_ratio
    assert wrong.gop < -2 < min(first.gop, last.gop)


def test_a_phoneme_that_was_left_out_is_diagnosed():
    scores, _ = _scores(_frames("a", "", "c"), ["a", "b", "c"])
    assert scores[1].said == LEFT_OUT
    assert scores[1].said_log_ratio == scores[1].deleted_log_ratio > 2


def test_the_best_insertion_of_each_gap_stands_beside_its_ratio():
    _, evidence = _scores(_frames("a", "", "c", "", "b"), ["a", "b"])
    before, between, behind = gap_scores(evidence, VOCABULARY)
    assert between.symbol == "c"
    assert between.log_ratio > 2 > 0 > max(before.log_ratio, behind.log_ratio)


def test_what_no_path_can_say_scores_as_left_out():
    """Two frames hold two labels; with an equal neighbour they would need a third."""
    scores, _ = _scores(_frames("a", "b"), ["a", "b"])
    assert all(math.isfinite(score.gop) for score in scores)
