"""CTC with label priors: its value by enumeration, its gradient by differences, its state over epochs."""

import itertools
import math

import pytest
import torch

from models.ctc import collapse, ctc_losses
from models.objective.consistency import Consistency
from models.objective.inner_layers import IntermediateCTC
from models.objective.label_prior import PRIOR_KEY, LabelPrior, TokenPrior, prior_losses

FRAMES, TOKENS = 5, 3
LABELS = [1, 2]
PRIOR = torch.tensor([0.8, 0.15, 0.05], dtype=torch.float64)


def enumerated(log_probs, log_prior, labels=LABELS):
    """The loss of one utterance as a sum over all paths."""
    paths = itertools.product(range(TOKENS), repeat=len(log_probs))
    total = sum(
        math.exp(sum(float(log_probs[t, k] - log_prior[k]) for t, k in enumerate(path)))
        for path in paths
        if collapse(torch.tensor(path), 0) == labels
    )
    return -math.log(total) / len(labels)


def loss_of(logits, log_prior):
    def losses_of(scores):
        lengths = torch.tensor([FRAMES])
        return ctc_losses(scores.float(), lengths, torch.tensor([LABELS]), torch.tensor([2]), 0)

    real = torch.ones(1, FRAMES, dtype=torch.bool)
    scores = logits.log_softmax(-1)[None]
    return prior_losses(scores, log_prior.float(), real, torch.tensor([2]), losses_of)[0]


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_loss_is_that_of_all_paths_and_its_gradient_that_of_differences(weight):
    logits = torch.randn(FRAMES, TOKENS, generator=torch.Generator().manual_seed(2))
    log_prior = weight * PRIOR.log()
    logits.requires_grad_(True)
    loss = loss_of(logits, log_prior)
    assert loss.item() == pytest.approx(
        enumerated(logits.detach().double().log_softmax(-1), log_prior), abs=1e-5
    )
    loss.backward()
    for place in itertools.product(range(FRAMES), range(TOKENS)):
        sides = []
        for step in (1e-5, -1e-5):
            moved = logits.detach().double().clone()
            moved[place] += step
            sides.append(enumerated(moved.log_softmax(-1), log_prior))
        assert logits.grad[place].item() == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-4)


def test_an_utterance_that_does_not_fit_its_frames_counts_zero():
    logits = torch.zeros(2, 3, TOKENS, requires_grad=True)
    frames, lengths = torch.tensor([3, 2]), torch.tensor([1, 2])
    labels = torch.tensor([[1, 0], [1, 1]])  # a blank between equal labels: three frames are needed

    def losses_of(scores):
        return ctc_losses(scores, frames, labels, lengths, 0)

    real = torch.tensor([[True] * 3, [True, True, False]])
    losses = prior_losses(logits.log_softmax(-1), 0.3 * PRIOR.log().float(), real, lengths, losses_of)
    assert losses[1] == 0
    losses.sum().backward()
    assert logits.grad[0].any()
    assert not logits.grad[1].any()


def some(seed, frames):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(frames), max(frames), TOKENS, generator=generator).log_softmax(-1), torch.tensor(
        frames
    )


def count(prior, seed, frames, seen=None):
    scores, lengths = some(seed, frames)

    def losses_of(given):
        if seen is not None:
            seen.append(given)
        return given.new_ones(len(frames))

    prior.losses(scores, lengths, torch.ones(len(frames)), losses_of)
    return scores


def test_the_prior_is_the_mean_over_the_real_frames_of_the_epoch_before():
    prior, seen = TokenPrior(0.5), []
    prior.enter(0)
    first, second = count(prior, 1, [2, 4], seen), count(prior, 2, [3], seen)
    assert seen[0] is first  # plain CTC in the first epoch
    prior.enter(1)
    mean = torch.cat([first[0, :2], first[1], second[0]]).exp().double().mean(dim=0)
    torch.testing.assert_close(prior.state_dict()["prior"], mean)
    third = count(prior, 3, [2], seen)
    torch.testing.assert_close(seen[-1], (third - 0.5 * mean.log().float()).log_softmax(-1))
    prior.enter(1)
    torch.testing.assert_close(prior.state_dict()["prior"], mean)  # within an epoch it stays


def test_batches_that_try_the_memory_do_not_count():
    prior = TokenPrior(0.5)
    count(prior, 1, [4])
    assert prior.state_dict() == {"epoch": 0, "prior": None, "sums": None}


def test_all_processes_count_the_frames_of_all(monkeypatch):
    """A reduction that adds what another process has counted."""
    other, others = TokenPrior(0.5), []
    other.enter(0)
    count(other, 2, [3])
    others.append(other.state_dict()["sums"])
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.all_reduce", lambda sums: sums.add_(others[0]))
    prior = TokenPrior(0.5)
    prior.enter(0)
    scores = count(prior, 1, [4])
    expected = scores.exp().double().sum(dim=(0, 1)) + others[0]
    torch.testing.assert_close(prior.state_dict()["sums"], expected)


def test_a_restored_prior_goes_on_to_the_bit():
    whole = TokenPrior(0.3)
    for epoch, seed in [(0, 1), (0, 2), (1, 3)]:
        whole.enter(epoch)
        count(whole, seed, [3, 5])
    resumed = TokenPrior(0.3)
    resumed.load_state_dict(whole.state_dict())
    for prior in (whole, resumed):
        for epoch, seed in [(1, 4), (2, 5)]:
            prior.enter(epoch)
            count(prior, seed, [3, 5])
    ours, theirs = whole.state_dict(), resumed.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ("prior", "sums"))


def epoch_of(model, batch, epoch):
    """The loss and gradients of a step in an epoch."""
    model.log = lambda *_, **__: None
    model.train().zero_grad()
    if model.prior is not None:
        model.prior.enter(epoch)
    torch.manual_seed(epoch)
    loss = model.training_step(batch, 0)
    loss.backward()
    return loss.detach(), [value.grad.clone() for value in model.parameters() if value.grad is not None]


@pytest.mark.parametrize("family", ["Wav2Vec2", "Wav2Vec2Bert"])
def test_a_weight_of_zero_is_plain_ctc_to_the_bit_and_another_one_is_not(recognizer, batch, family):
    still = {"layerdrop": 0.0, "apply_spec_augment": False}
    plain = recognizer(family, still)
    off, on = (recognizer(family, still, label_prior=LabelPrior(weight)) for weight in (0.0, 0.3))
    off.load_state_dict(plain.state_dict())
    on.load_state_dict(plain.state_dict())
    steps = [[epoch_of(model, batch, epoch) for epoch in (0, 1)] for model in (plain, off, on)]
    for number in (0, 1):
        assert torch.equal(steps[0][number][0], steps[1][number][0])
        assert all(map(torch.equal, steps[0][number][1], steps[1][number][1]))
    assert torch.equal(steps[0][0][0], steps[2][0][0])  # the first epoch is plain
    assert not torch.equal(steps[0][1][0], steps[2][1][0])


def test_it_goes_together_with_the_other_parts_and_is_kept_by_checkpoints(recognizer, batch):
    parts = {"intermediate_ctc": IntermediateCTC([1]), "consistency": Consistency()}
    model = recognizer("Wav2Vec2", {"num_hidden_layers": 3}, label_prior=LabelPrior(), **parts)
    for epoch in (0, 1):
        loss, gradients = epoch_of(model, batch, epoch)
        assert all(value.isfinite().all() for value in (loss, *gradients))
    checkpoint = {"state_dict": model.state_dict()}
    model.on_save_checkpoint(checkpoint)
    other = recognizer("Wav2Vec2", {"num_hidden_layers": 3}, label_prior=LabelPrior(), **parts)
    other.on_load_checkpoint(checkpoint)
    assert torch.equal(other.prior.state_dict()["prior"], model.prior.state_dict()["prior"])
    without = recognizer("Wav2Vec2", {"num_hidden_layers": 3})
    plain = {"state_dict": without.state_dict()}
    without.on_save_checkpoint(plain)
    assert PRIOR_KEY not in plain
    without.on_load_checkpoint(checkpoint)


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_weights_without_a_meaning_are_refused(weight):
    with pytest.raises(ValueError, match="model: label_prior: weight must lie in 0…1"):
        LabelPrior(weight)
