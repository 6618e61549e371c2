"""Self-conditioned layers: nothing at the start, their formula afterwards, and the same wherever they run."""

import json

import pytest
import torch

from models.network.additions.extension import SelfConditioning
from models.objective.inner_layers import IntermediateCTC
from tests.models.conftest import DETERMINISTIC, FAMILIES
from tests.models.short_runs import (
    assert_a_checkpoint_is_recognised_alike,
    assert_resumes_to_the_bit,
    assert_two_processes_train_as_one,
    fit,
)

STILL = DETERMINISTIC | {"num_hidden_layers": 3}
FED_BACK = IntermediateCTC([1, 2], 0.3, self_conditioning=True)


def filled(model, scale=1.0):
    torch.nn.init.normal_(model.network.self_conditioning.weight, std=scale)
    return model


def loss_of(model, batch):
    model.log = lambda *_, **__: None
    model.on_train_batch_start(batch, 0)
    return model.train().training_step(batch, 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_network_computes_what_it_would_without(recognizer, batch, family):
    plain = recognizer(family, STILL, intermediate_ctc=IntermediateCTC([1, 2], 0.3))
    model = recognizer(family, STILL, intermediate_ctc=FED_BACK)
    assert model.state_dict().keys() - plain.state_dict().keys() == {"network.self_conditioning.weight"}
    assert torch.equal(loss_of(model, batch), loss_of(plain, batch))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_next_layer_gets_the_state_plus_what_was_recognised(recognizer, batch, family):
    model = filled(recognizer(family, STILL, intermediate_ctc=FED_BACK)).eval()
    plain = recognizer(family, STILL).eval()
    plain.load_state_dict(model.state_dict(), strict=False)
    rows = model.network.self_conditioning.weight

    def condition(layer, arguments):
        states = arguments[0]
        norms = getattr(plain.network.config, "do_stable_layer_norm", False)
        normed = plain.network.base_model.encoder.layer_norm(states) if norms else states
        shares = plain.network.lm_head(normed).exp()
        shares = shares / shares.sum(-1, keepdim=True)
        fed_back = (shares[..., None] * rows).sum(-2)  # (B, F, V, H) → (B, F, H)
        return states + fed_back, *arguments[1:]

    with torch.no_grad():
        without = plain.scores_of(batch)[0]
        for layer in plain.network.base_model.encoder.layers[1:]:
            layer.register_forward_pre_hook(condition)
        scores, expected = model.scores_of(batch)[0], plain.scores_of(batch)[0]
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(scores, without, atol=1e-2)


def test_inner_losses_are_those_of_the_states_before_they_are_conditioned(recognizer, batch):
    model = filled(recognizer("Wav2Vec2", STILL, intermediate_ctc=IntermediateCTC([1], 0.9, True)))
    ends = recognizer("Wav2Vec2", STILL | {"num_hidden_layers": 1})
    ends.load_state_dict(model.state_dict(), strict=False)
    without = recognizer("Wav2Vec2", STILL, intermediate_ctc=IntermediateCTC([1], 0.0, True))
    without.load_state_dict(model.state_dict())
    expected = 0.1 * loss_of(without, batch) + 0.9 * loss_of(ends, batch)
    torch.testing.assert_close(loss_of(model, batch), expected, rtol=1e-5, atol=1e-6)


def test_the_gradient_of_the_rows_is_that_of_finite_differences(recognizer, batch):
    model = filled(recognizer("Wav2Vec2", STILL, intermediate_ctc=FED_BACK))
    loss_of(model, batch).backward()
    rows = model.network.self_conditioning.weight
    direction = rows.grad / rows.grad.norm()
    losses = []
    for shift in (0.02, -0.02):
        with torch.no_grad():
            rows += shift * direction
            losses.append(float(loss_of(model, batch)))
            rows -= shift * direction
    assert float(rows.grad.norm()) == pytest.approx((losses[0] - losses[1]) / 0.04, rel=1e-2)


def test_frozen_inner_losses_leave_the_network_as_evaluated(recognizer, batch):
    """With weight 0 nothing is lost on inner layers, but the network is conditioned all the same."""
    model = recognizer("Wav2Vec2", STILL, intermediate_ctc=IntermediateCTC([2], 0.0, True))
    assert isinstance(model.network.self_conditioning, SelfConditioning)


def test_activations_computed_again_give_the_same_gradients(recognizer, batch):
    gradients = []
    for switch in (False, True):
        model = recognizer("Wav2Vec2", STILL, intermediate_ctc=FED_BACK, gradient_checkpointing=switch)
        with torch.no_grad():
            model.network.self_conditioning.weight.copy_(torch.linspace(-1, 1, 6 * 32).view(6, 32))
        loss_of(model, batch).backward()
        gradients.append([value.grad for value in model.parameters() if value.grad is not None])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_a_stopped_run_resumes_to_the_bit(recognizer, tmp_path):
    whole, _ = assert_resumes_to_the_bit(
        lambda: recognizer(intermediate_ctc=IntermediateCTC([1], 0.3, True)), tmp_path
    )
    assert whole.network.self_conditioning.weight.abs().max() > 0


def test_two_processes_train_as_one(recognizer, tmp_path):
    assert_two_processes_train_as_one(
        lambda: recognizer(network=STILL, intermediate_ctc=FED_BACK, optimizer="SGD", lr=0.01), tmp_path
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoint_is_recognised_with_it(recognizer, tmp_path, family):
    model = recognizer(family, STILL, intermediate_ctc=FED_BACK)
    recognizer = assert_a_checkpoint_is_recognised_alike(model, tmp_path)
    assert recognizer.model.network.self_conditioning.weight.abs().max() > 0


def test_rows_of_another_vocabulary_are_carried_over_by_phoneme(recognizer, tmp_path):
    model = filled(recognizer("Wav2Vec2", STILL, intermediate_ctc=FED_BACK))
    fit(model, tmp_path, epochs=0).save_checkpoint(tmp_path / "model.ckpt")
    tokens = ["[PAD]", "[UNK]", "n", "ʃ", "a"]
    path = tmp_path / "other.json"
    path.write_text(json.dumps({token: place for place, token in enumerate(tokens)}), encoding="utf-8")
    start = {"initial_weights": tmp_path / "model.ckpt", "map_vocabulary": True}
    other = recognizer("Wav2Vec2", STILL, intermediate_ctc=FED_BACK, vocab_file=path, **start)
    theirs, ours = (one.network.self_conditioning.weight for one in (model, other))
    assert torch.equal(ours[[0, 1, 2, 4]], theirs[[0, 1, 5, 3]])
    assert ours[3].abs().max() == 0
