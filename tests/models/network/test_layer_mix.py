"""The mix of layers below the head: equal weights at first, then learned; the same wherever it runs."""

import pytest
import torch

from models.network.additions.extension import LayerMix, layer_shares
from tests.models.conftest import FAMILIES
from tests.models.short_runs import (
    assert_a_checkpoint_is_recognised_alike,
    assert_resumes_to_the_bit,
    assert_two_processes_train_as_one,
    fit,
    weights_of,
)

THREE = {"num_hidden_layers": 3, "apply_spec_augment": False}
FROZEN = {"freeze_feature_extractor": True, "freeze_transformer": True}


@pytest.fixture
def mixed(recognizer):
    def build(family="Wav2Vec2", network=None, weights=(0.3, -1.0, 0.8), **arguments):
        model = recognizer(family, THREE | (network or {}), layer_mix=True, **arguments)
        with torch.no_grad():
            model.network.dropout.mix.weight.copy_(torch.tensor(weights))
        return model

    return build


def test_a_sum_by_hand():
    mix = LayerMix(num_layers=2, width=3)
    with torch.no_grad():
        mix.weight.copy_(torch.tensor([0.0, 3.0]).log().nan_to_num(neginf=-50.0))
    first, second = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 8.0, 2.0])
    both = torch.cat([first, second])[None, None]  # (B, F, N·H)
    torch.testing.assert_close(mix(both), second[None, None])
    torch.nn.init.zeros_(mix.weight)
    torch.testing.assert_close(mix(both), ((first + second) / 2)[None, None])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_head_reads_the_sum_of_networks_that_end_at_each_layer(recognizer, mixed, batch, family):
    model = mixed(family).eval()
    states = []
    for count in (1, 2, 3):
        ends = recognizer(family, THREE | {"num_hidden_layers": count}).eval()
        ends.load_state_dict(model.state_dict(), strict=False)
        with torch.no_grad():
            ends.network.lm_head = torch.nn.Identity()
            lengths = batch.waveform_lengths
            inputs = ends.acoustic.frontend(batch.waveforms, lengths)
            values = {ends.frontend.input_name: inputs.values}
            states.append(ends.network(**values, attention_mask=ends.acoustic._attention_mask(inputs)).logits)
    shares = torch.tensor([0.3, -1.0, 0.8]).softmax(0)
    with torch.no_grad():
        mix = sum(share * state for share, state in zip(shares, states, strict=True))
        expected = model.network.lm_head(mix).log_softmax(-1)
        scores, frames = model.scores_of(batch)
    for row, other, count in zip(scores, expected, frames.tolist(), strict=True):
        torch.testing.assert_close(row[:count], other[:count], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_head_and_the_weights_train_over_a_frozen_encoder(recognizer, family, tmp_path):
    model = recognizer(family, THREE, layer_mix=True, **FROZEN)
    before = weights_of(model)
    fit(model, tmp_path, epochs=1)
    changed = {name for name, value in weights_of(model).items() if not torch.equal(value, before[name])}
    assert changed == {"network.dropout.mix.weight", "network.lm_head.weight", "network.lm_head.bias"}


def test_without_the_key_there_is_no_mix(recognizer):
    model = recognizer("Wav2Vec2", THREE)
    assert not any("mix" in name for name in model.state_dict())
    assert layer_shares(model.network) == {}


def test_the_shares_of_layers_are_among_the_metrics(mixed, batch):
    model, logged = mixed(), {}
    model.log_dict, model.log = logged.update, lambda name, value, **_: logged.update({name: value})
    with torch.no_grad():
        model.eval().test_step(batch, 0)
    model.on_test_epoch_end()
    shares = [float(logged[f"test_layer_{number}_share"]) for number in (1, 2, 3)]
    assert shares == pytest.approx(torch.tensor([0.3, -1.0, 0.8]).softmax(0).tolist())


def test_no_layer_is_dropped_from_the_sum(recognizer, batch):
    model = recognizer("Wav2Vec2", THREE | {"layerdrop": 1.0}, layer_mix=True).train()
    assert model.scores_of(batch)[0].isfinite().all()


def test_an_adapter_of_other_frames_is_refused(recognizer):
    with pytest.raises(ValueError, match="add_adapter: false"):
        recognizer("Wav2Vec2", THREE | {"add_adapter": True}, layer_mix=True)


def test_a_stopped_run_resumes_to_the_bit(mixed, tmp_path):
    assert_resumes_to_the_bit(lambda: mixed(network={"layerdrop": 0.0}), tmp_path)


def test_two_processes_train_as_one(mixed, tmp_path):
    still = dict.fromkeys(("hidden_dropout", "attention_dropout", "activation_dropout", "final_dropout"), 0.0)
    build = lambda: mixed(network=still, optimizer="SGD", lr=0.01, **FROZEN)  # noqa: E731
    assert_two_processes_train_as_one(build, tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoint_is_recognised_with_it(mixed, tmp_path, family):
    assert_a_checkpoint_is_recognised_alike(mixed(family), tmp_path)
