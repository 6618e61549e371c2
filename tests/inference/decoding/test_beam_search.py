"""Beam search against all paths there are."""

import itertools
import math
import time

import numpy as np
import pytest
import torch

from inference.decoding.beam_search import BeamDecoder, beam_search
from inference.decoding.ngram import START, NgramEntry, NgramModel, estimate
from models.ctc import collapse, greedy_tokens
from phonetics import Vocabulary

VOCABULARY = Vocabulary(("[PAD]", "a", "b"))


def _scores(seed, frames=5, size=3, sharpness=1.5):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames, size, generator=generator).mul(sharpness).log_softmax(-1)


def _all_sequences(log_probs, blank_id):
    """Every sequence that some path spells → its probability."""
    totals = {}
    frames, size = log_probs.shape
    for path in itertools.product(range(size), repeat=frames):
        tokens = tuple(collapse(torch.tensor(path), blank_id))
        probability = math.exp(sum(float(log_probs[t, token]) for t, token in enumerate(path)))
        totals[tokens] = totals.get(tokens, 0.0) + probability
    return totals


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_sums_all_paths_of_every_sequence(seed):
    log_probs = _scores(seed)
    blank_id = seed % 3
    found = beam_search(log_probs.numpy(), blank_id, beam_size=10_000, least_log_prob=-math.inf)
    expected = _all_sequences(log_probs, blank_id)
    assert {h.tokens: math.exp(h.log_prob) for h in found} == pytest.approx(expected, rel=1e-4)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)


@pytest.mark.parametrize("seed", range(6))
def test_a_language_model_moves_the_best_as_every_sequences_own_score_says(seed):
    model = estimate([["a", "b", "a"], ["b", "b"]], order=3)
    log_probs = _scores(seed)
    decoder = BeamDecoder(VOCABULARY, 10_000, model, lm_weight=0.8, token_bonus=0.3)
    found = beam_search(log_probs.numpy(), 0, 10_000, decoder._bonuses_after(()), least_log_prob=-math.inf)

    def score(tokens, probability):
        names = [VOCABULARY.tokens[token] for token in tokens]
        said = sum(model.log_prob(name, [START, *names[:i]]) for i, name in enumerate(names))
        return math.log(probability) + 0.8 * math.log(10) * said + 0.3 * len(tokens)

    expected = {tokens: score(tokens, p) for tokens, p in _all_sequences(log_probs, 0).items()}
    assert {h.tokens: h.score for h in found} == pytest.approx(expected, abs=1e-4)


def test_a_narrow_beam_finds_what_sure_scores_say():
    log_probs = _scores(1, frames=60, size=3, sharpness=8.0)
    best = beam_search(log_probs.numpy(), 0, beam_size=4)[0]
    assert list(best.tokens) == [token.token_id for token in greedy_tokens(log_probs, 0)]


def test_a_decoders_tokens_have_frames_and_confidences():
    log_probs = torch.tensor([[0.05, 0.9, 0.05], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]).log()
    first, second = BeamDecoder(VOCABULARY, 8)(log_probs)
    assert first[:3] == (1, 0, 1)
    assert second[:3] == (2, 2, 3)
    assert (first.confidence, second.confidence) == pytest.approx((0.9, 0.8))


def test_what_was_said_before_is_the_language_models_history():
    entries = {
        ("a",): NgramEntry(-0.3),
        ("b",): NgramEntry(-0.3),
        ("a", "b"): NgramEntry(-0.01),
        ("a", "a"): NgramEntry(-3.0),
    }
    decoder = BeamDecoder(VOCABULARY, 8, NgramModel(entries), lm_weight=1.0)
    unsure = torch.tensor([[0.1, 0.46, 0.44]]).log()
    assert [token.token_id for token in decoder(unsure, ())] == [1]
    assert [token.token_id for token in decoder(unsure, (1,))] == [2]


def test_greedy_confidence_is_the_geometric_mean():
    log_probs = torch.tensor([[0.1, 0.9], [0.4, 0.6], [0.8, 0.2]]).log()
    (token,) = greedy_tokens(log_probs, 0)
    assert token[:3] == (1, 0, 2)
    assert token.confidence == pytest.approx(float(np.sqrt(0.9 * 0.6)), rel=1e-5)


def test_frames_of_many_likely_tokens_cost_as_much_as_sure_ones():
    def seconds(sharpness):
        scores = _scores(0, frames=500, size=50, sharpness=sharpness).numpy()
        runs = []
        for _ in range(3):
            started = time.process_time()
            beam_search(scores, 0, beam_size=16)
            runs.append(time.process_time() - started)
        return min(runs)

    assert seconds(0.5) < 3 * seconds(8.0)
