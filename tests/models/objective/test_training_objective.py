"""The loss of training: off it is plain CTC to the bit, on it is its formula."""

import pytest
import torch

from models.ctc import ctc_losses
from models.objective.consistency import Consistency, disagreement
from models.objective.inner_layers import InnerStates, IntermediateCTC
from tests.models.conftest import DETERMINISTIC, FAMILIES

THREE_LAYERS = {"num_hidden_layers": 3, "layerdrop": 0.0}
MASKED = {**THREE_LAYERS, "apply_spec_augment": True, "mask_time_prob": 0.3, "mask_time_length": 2}
STILL = DETERMINISTIC | THREE_LAYERS


def step(model, batch):
    """The loss and the gradients of one step."""
    model.log = lambda *_, **__: None
    model.train().zero_grad()
    model.on_train_batch_start(batch, 0)
    loss = model.training_step(batch, 0)
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_of_zero_are_plain_ctc_to_the_bit(recognizer, batch, family):
    plain = recognizer(family, MASKED)
    off = recognizer(
        family, MASKED, intermediate_ctc=IntermediateCTC([1], 0.0), consistency=Consistency(weight=0.0)
    )
    off.load_state_dict(plain.state_dict())
    loss, gradients = step(plain, batch)
    other_loss, other_gradients = step(off, batch)
    assert torch.equal(loss, other_loss)
    assert gradients.keys() == other_gradients.keys()
    assert all(torch.equal(gradients[name], other_gradients[name]) for name in gradients)


@pytest.mark.parametrize("family", FAMILIES)
def test_inner_layers_have_the_loss_of_a_network_that_ends_there(recognizer, batch, family):
    model = recognizer(family, STILL, intermediate_ctc=IntermediateCTC([1, 2], 0.4))
    losses = []
    for count in (3, 1, 2):
        network = {**STILL, "num_hidden_layers": count}
        ends = recognizer(family, network)
        ends.load_state_dict(model.state_dict(), strict=False)
        losses.append(step(ends, batch)[0])
    expected = 0.6 * losses[0] + 0.4 * (losses[1] + losses[2]) / 2
    torch.testing.assert_close(step(model, batch)[0], expected, rtol=1e-5, atol=1e-6)


def test_a_norm_at_the_encoders_end_norms_inner_states_too(recognizer, batch):
    network = {**STILL, "do_stable_layer_norm": True, "feat_extract_norm": "layer"}
    model = recognizer("Wav2Vec2", network, intermediate_ctc=IntermediateCTC([2], 0.5))
    torch.nn.init.normal_(model.network.base_model.encoder.layer_norm.weight)
    ends = recognizer("Wav2Vec2", {**network, "num_hidden_layers": 2})
    ends.load_state_dict(model.state_dict(), strict=False)
    whole = recognizer("Wav2Vec2", network)
    whole.load_state_dict(model.state_dict())
    expected = (step(whole, batch)[0] + step(ends, batch)[0]) / 2
    torch.testing.assert_close(step(model, batch)[0], expected, rtol=1e-5, atol=1e-6)


def test_evaluation_is_that_of_the_last_layer_alone(recognizer, batch):
    model = recognizer("Wav2Vec2", STILL, intermediate_ctc=IntermediateCTC([1]), consistency=Consistency())
    plain = recognizer("Wav2Vec2", STILL)
    plain.load_state_dict(model.state_dict())
    with torch.no_grad():
        for one, other in zip(model.eval().scores_of(batch), plain.eval().scores_of(batch), strict=True):
            assert torch.equal(one, other)


def test_two_equal_views_cost_nothing_and_masked_ones_do(recognizer, batch):
    plain = recognizer("Wav2Vec2", STILL)
    still = recognizer("Wav2Vec2", STILL, consistency=Consistency())
    still.load_state_dict(plain.state_dict())
    torch.testing.assert_close(step(still, batch)[0], step(plain, batch)[0])
    weights = [
        recognizer("Wav2Vec2", MASKED, consistency=Consistency(weight=weight, mask_factor=2.0))
        for weight in (1e-9, 5.0)
    ]
    weights[1].load_state_dict(weights[0].state_dict())
    low, high = (step(model, batch)[0] for model in weights)
    assert high > low


def test_the_disagreement_by_hand_leaves_padding_out():
    first = torch.tensor([[[0.5, 0.5], [0.5, 0.5]]]).log()
    second = torch.tensor([[[0.8, 0.2], [0.1, 0.9]]]).log()
    p, q = torch.tensor([0.5, 0.5]), torch.tensor([0.8, 0.2])
    expected = 0.5 * ((q * (q / p).log()).sum() + (p * (p / q).log()).sum())
    torch.testing.assert_close(disagreement(first, second, torch.tensor([1])), expected)


def test_each_view_learns_from_the_other_as_a_fixed_target():
    """Against finite differences of the follower's cross entropy."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    frames = torch.tensor([3])

    def loss_of(values, fixed):
        first, second = values.log_softmax(-1)
        led = [one.log_softmax(-1).exp() for one in fixed]
        follow = (led[1] * (led[1].log() - first)).sum(-1) + (led[0] * (led[0].log() - second)).sum(-1)
        return 0.5 * follow.mean()

    disagreement(*logits.log_softmax(-1), frames).backward()
    fixed = logits.detach()
    for place in [(0, 0, 1, 2), (1, 0, 2, 0)]:
        shift = torch.zeros_like(fixed)
        shift[place] = 1e-6
        slope = (loss_of(fixed + shift, fixed) - loss_of(fixed - shift, fixed)) / 2e-6
        assert float(logits.grad[place]) == pytest.approx(float(slope), rel=1e-5, abs=1e-9)


def test_states_are_taken_only_where_they_are_asked_for(recognizer, batch):
    model = recognizer("Wav2Vec2", STILL).eval()
    inner = InnerStates(model.network, [1, 2])
    with torch.no_grad(), inner.taken() as found:
        model.scores_of(batch)
    assert sorted(found) == [1, 2]
    before = dict(found)
    with torch.no_grad():
        model.scores_of(batch)
    assert found == before


def test_a_layer_that_was_dropped_has_no_loss(recognizer, batch):
    network = {**STILL, "layerdrop": 1.0}
    model = recognizer("Wav2Vec2", network, intermediate_ctc=IntermediateCTC([1], 0.5))
    plain = recognizer("Wav2Vec2", network)
    plain.load_state_dict(model.state_dict())
    assert torch.equal(step(model, batch)[0], step(plain, batch)[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"intermediate_ctc": IntermediateCTC([3])}, "must lie in 1…2"),
        ({"intermediate_ctc": IntermediateCTC([0])}, "must lie in 1…2"),
        ({"intermediate_ctc": IntermediateCTC([1]), "freeze_transformer": True}, "freezes all"),
    ],
)
def test_layers_that_cannot_be_used_are_refused_before_anything_is_built(recognizer, arguments, message):
    with pytest.raises(ValueError, match=message):
        recognizer("Wav2Vec2", STILL, **arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IntermediateCTC([], 0.3), "layers"),
        (lambda: IntermediateCTC([1, 1], 0.3), "different layers"),
        (lambda: IntermediateCTC([1], 1.0), "weight"),
        (lambda: IntermediateCTC([1], float("nan")), "weight"),
        (lambda: Consistency(weight=-1.0), "weight"),
        (lambda: Consistency(mask_factor=0.0), "mask_factor"),
    ],
)
def test_values_without_meaning_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_plain_loss_is_the_mean_of_ctc(recognizer, batch):
    model = recognizer("Wav2Vec2", STILL)
    loss, _ = step(model, batch)
    scores, frames = model.scores_of(batch)
    labels, counts = (
        torch.from_numpy(a) if not torch.is_tensor(a) else a for a in (batch.labels, batch.label_lengths)
    )
    torch.testing.assert_close(ctc_losses(scores, frames, labels, counts, 0).mean(), loss)
