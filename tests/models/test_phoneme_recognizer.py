"""Padding, masks, freezing and figures of the LightningModule."""

import pytest
import torch

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.batches.batch import Batch
from models.network.pretrained import feature_extractor_of
from tests.models.conftest import FAMILIES


def alone(batch, index):
    """One utterance of a batch, without padding."""
    length, labels = int(batch.waveform_lengths[index]), int(batch.label_lengths[index])
    return Batch(
        batch.waveforms[index : index + 1, :length],
        batch.waveform_lengths[index : index + 1],
        batch.labels[index : index + 1, :labels],
        batch.label_lengths[index : index + 1],
        (batch.ids[index],),
    )


def figures(model, batches):
    model.eval()
    with torch.inference_mode():
        for batch in batches:
            model.validation_step(batch, 0)
    return model.metrics.finish("val")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_a_batch_by_heart(recognizer, batch, family):
    model = recognizer(family, {"apply_spec_augment": False, "hidden_dropout": 0.0, "layerdrop": 0.0})
    model.log = lambda *_, **__: None
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    losses = []
    for step in range(60):
        loss = model.training_step(batch, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_an_utterance_sounds_the_same_alone_and_in_a_batch(recognizer, batch, family):
    model = recognizer(family).eval()
    with torch.inference_mode():
        together, frames = model(batch.waveforms, batch.waveform_lengths)
        for index in range(3):
            single = alone(batch, index)
            expected, count = model(single.waveforms, single.waveform_lengths)
            assert int(count[0]) == int(frames[index])
            torch.testing.assert_close(
                together[index, : count[0]], expected[0, : count[0]], atol=2e-5, rtol=0
            )


def test_a_group_norm_network_gets_no_mask_and_still_sounds_the_same_alone(recognizer, batch):
    model = recognizer(network={"feat_extract_norm": "group", "do_stable_layer_norm": False}).eval()
    assert not model.uses_attention_mask
    with torch.inference_mode():
        together, frames = model(batch.waveforms, batch.waveform_lengths)
        single = alone(batch, 1)
        expected, _ = model(single.waveforms, single.waveform_lengths)
    torch.testing.assert_close(together[1, : frames[1]], expected[0], atol=1e-6, rtol=0)


def test_a_layer_norm_network_gets_a_mask_unless_told_otherwise(recognizer):
    assert recognizer().uses_attention_mask
    given = recognizer(audio_params=AudioParams(return_attention_mask=False))
    assert not given.uses_attention_mask


def test_figures_do_not_depend_on_how_a_split_is_batched(recognizer, batch):
    model = recognizer()
    one = figures(model, [batch])
    three = figures(model, [alone(batch, index) for index in (2, 0, 1)])
    for name in ("per", "cer", "wer", "blank_share"):
        assert one[name] == three[name]
    assert float(one["loss"]) == pytest.approx(float(three["loss"]), abs=1e-5)


def test_a_clip_shorter_than_a_time_mask_does_not_end_training(recognizer):
    model = recognizer(network={"apply_spec_augment": True, "mask_time_prob": 0.5, "mask_time_length": 10})
    model.log = lambda *_, **__: None
    model.train()
    short = Batch(torch.randn(1, 1600), torch.tensor([1600]), torch.tensor([[3]]), torch.tensor([1]), ("s",))
    assert torch.isfinite(model.training_step(short, 0))


def test_labels_that_do_not_fit_the_frames_leave_the_loss_finite(recognizer):
    model = recognizer()
    model.log = lambda *_, **__: None
    crowded = Batch(
        torch.randn(1, 1600), torch.tensor([1600]), torch.full((1, 50), 3), torch.tensor([50]), ("c",)
    )
    assert torch.isfinite(model.training_step(crowded, 0))


@pytest.mark.parametrize(("extractor", "transformer"), [(True, False), (False, True), (True, True)])
def test_frozen_parts_do_not_change_by_a_bit(recognizer, batch, extractor, transformer):
    model = recognizer(freeze_feature_extractor=extractor, freeze_transformer=transformer)
    model.log = lambda *_, **__: None
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1
    )
    for step in range(3):
        loss = model.training_step(batch, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    is_extractor = {name for name in before if ".feature_extractor." in name}
    is_head = {name for name in before if ".lm_head." in name}
    is_transformer = set(before) - is_extractor - is_head
    assert is_head <= changed
    assert bool(changed & is_extractor) == (not extractor)
    assert bool(changed & is_transformer) == (not transformer)


@pytest.mark.parametrize("switched", [False, True])
def test_frozen_parts_stay_in_eval_mode(recognizer, switched):
    """Also where nobody calls ``train()``: Lightning keeps the modes it finds."""
    model = recognizer(freeze_feature_extractor=True, freeze_transformer=True)
    if switched:
        model.train()
    base = model.network.base_model
    assert not any(
        module.training for part in (base.feature_extractor, base.encoder) for module in part.modules()
    )
    assert model.network.training


def test_a_frozen_encoder_hears_every_frame(recognizer, batch):
    masks = {"apply_spec_augment": True, "mask_time_prob": 0.9, "mask_time_length": 2, "final_dropout": 0.0}
    model = recognizer(network=masks, freeze_feature_extractor=True, freeze_transformer=True).train()
    first, _ = model(batch.waveforms, batch.waveform_lengths)
    second, _ = model(batch.waveforms, batch.waveform_lengths)
    assert torch.equal(first, second)


def test_a_wholly_frozen_encoder_keeps_no_activations(recognizer, batch):
    model = recognizer(freeze_feature_extractor=True, freeze_transformer=True).train()
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: saved.append(tensor.shape) or tensor, lambda t: t
    ):
        log_probs, _ = model(batch.waveforms, batch.waveform_lengths)
    assert feature_extractor_of(model.network) is not None
    # The head needs its input and its weight; log-softmax its output. Nothing of the encoder is kept.
    assert len(saved) <= 4
    assert log_probs.requires_grad


def test_a_step_repeats_whatever_ran_before(recognizer, batch):
    model = recognizer(network={"hidden_dropout": 0.5}).train()
    model.log = lambda *_, **__: None

    def loss_after(draws):
        torch.rand(draws)
        model.on_train_batch_start(batch, 7)
        return float(model.training_step(batch, 7))

    assert loss_after(1) == loss_after(1000)


def test_predictions_carry_ids_and_phonemes(recognizer, batch):
    model = recognizer().eval()
    with torch.inference_mode():
        predictions = model.predict_step(batch, 0)
    assert [prediction.id for prediction in predictions] == ["u1", "u2", "u3"]
    assert all(set(prediction.phonemes) <= set(model.vocabulary.tokens) for prediction in predictions)


def test_the_figures_of_a_language_are_those_of_its_utterances_alone(recognizer, batch):
    model = recognizer()
    languages = ("de", "ru", "de")
    mixed = figures(model, [batch._replace(languages=languages)])
    for language in ("de", "ru"):
        own = [alone(batch, index) for index in range(3) if languages[index] == language]
        assert float(mixed[f"per_{language}"]) == float(figures(model, own)["per"])
    one_by_one = [alone(batch, index)._replace(languages=(languages[index],)) for index in range(3)]
    again = figures(model, one_by_one)
    assert {name: float(again[name]) for name in again if name.startswith("per")} == {
        name: float(mixed[name]) for name in mixed if name.startswith("per")
    }
    assert "per_de" not in figures(model, [batch])
