"""Unfreezing by schedule: each phase is a run with so much frozen, and the next starts where it ends."""

import pytest
import torch
from lightning.pytorch import Callback

from models.network.additions.low_rank import LowRankAdapter
from tests.models.conftest import DETERMINISTIC, FAMILIES
from tests.models.short_runs import (
    assert_resumes_to_the_bit,
    assert_same_weights,
    assert_two_processes_train_as_one,
    fit,
    fit_in_two_processes,
    weights_of,
)

MASKED = {"apply_spec_augment": True, "mask_time_prob": 0.2, "mask_time_length": 2}
THREE = {"num_hidden_layers": 3, "layerdrop": 0.0, **MASKED}
STILL = DETERMINISTIC | {"num_hidden_layers": 3}
# An epoch has four steps.
STAGES = {0: "head", 3: "top 1", 6: "all but convolutions"}
FROZEN_CONVOLUTIONS = {"freeze_feature_extractor": True}


class Changes(Callback):
    """Records which weights each step changes, and the optimizer's counts of steps."""

    def __init__(self):
        self.changed, self.counts, self._before = [], [], {}

    def on_train_batch_start(self, trainer, module, *_):
        self._before = weights_of(module)

    def on_train_batch_end(self, trainer, module, *_):
        after = weights_of(module)
        self.changed.append({name for name in after if not torch.equal(after[name], self._before[name])})
        names = {value: name for name, value in module.named_parameters()}
        state = trainer.optimizers[0].state
        self.counts.append({names[value]: int(one["step"]) for value, one in state.items()})


def run(recognizer, folder, stages, family="Wav2Vec2", epochs=2, **arguments):
    changes = Changes()
    arguments = FROZEN_CONVOLUTIONS | arguments
    model = recognizer(family, THREE, unfreeze=stages, **arguments)
    fit(model, folder, epochs=epochs, callbacks=[changes])
    return model, changes


@pytest.mark.parametrize("family", FAMILIES)
def test_each_phase_changes_what_it_names(recognizer, tmp_path, family):
    _, changes = run(recognizer, tmp_path, STAGES, family)
    head = {"network.lm_head.weight", "network.lm_head.bias"}
    assert [step == head for step in changes.changed] == [True] * 3 + [False] * 5
    for step in changes.changed[3:6]:
        above = {name for name in step - head if ".encoder.layers.2." not in name}
        assert all(".encoder.layer_norm." in name for name in above)  # the norm at its end
        assert any(".encoder.layers.2." in name for name in step)
    for step in changes.changed[6:]:
        assert any(".encoder.layers.0." in name for name in step)
        assert any("feature_projection" in name for name in step)
        assert not any("feature_extractor" in name for name in step)


def test_what_was_just_unfrozen_starts_with_fresh_state(recognizer, tmp_path):
    _, changes = run(recognizer, tmp_path, STAGES)
    top = "network.wav2vec2.encoder.layers.2.final_layer_norm.weight"
    low = "network.wav2vec2.encoder.layers.0.final_layer_norm.weight"
    assert [counts.get("network.lm_head.weight") for counts in changes.counts] == [*range(1, 9)]
    assert [counts.get(top) for counts in changes.counts] == [None] * 3 + [1, 2, 3, 4, 5]
    assert [counts.get(low) for counts in changes.counts] == [None] * 6 + [1, 2]


def test_what_is_frozen_again_loses_its_state(recognizer, tmp_path):
    _, changes = run(recognizer, tmp_path, {0: "top 1", 2: "head", 4: "top 1"})
    top = "network.wav2vec2.encoder.layers.2.final_layer_norm.weight"
    assert [counts.get(top) for counts in changes.counts] == [1, 2, None, None, 1, 2, 3, 4]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_schedule_of_one_phase_is_the_run_with_so_much_frozen(recognizer, tmp_path, family):
    """Dropout and masks included: a frozen encoder has none."""
    for part, frozen in (("head", {"freeze_transformer": True}), ("all but convolutions", {})):
        model, _ = run(recognizer, tmp_path, {0: part}, family, epochs=1)
        plain, _ = run(recognizer, tmp_path, None, family, epochs=1, **frozen)
        assert_same_weights(weights_of(model), weights_of(plain))


def test_convolutions_train_where_all_does(recognizer, tmp_path):
    _, changes = run(recognizer, tmp_path, {0: "head", 4: "all"}, freeze_feature_extractor=False)
    trained = [any("feature_extractor" in name for name in step) for step in changes.changed]
    assert trained == [False] * 4 + [True] * 4


def test_rates_by_layer_hold_in_every_phase(recognizer, tmp_path):
    model = recognizer(
        "Wav2Vec2", THREE, unfreeze=STAGES, param_groups="layerwise", layer_decay=0.5, **FROZEN_CONVOLUTIONS
    )
    groups = fit(model, tmp_path, epochs=2).optimizers[0].param_groups
    rates = {name: group["lr"] for group in groups for name in group["names"]}
    assert rates["network.lm_head.weight"] == pytest.approx(1e-2)
    assert rates["network.wav2vec2.encoder.layers.2.final_layer_norm.weight"] == pytest.approx(5e-3)
    assert rates["network.wav2vec2.encoder.layers.0.final_layer_norm.weight"] == pytest.approx(1.25e-3)
    assert len(rates) == len([value for value in model.parameters() if value.requires_grad])


@pytest.mark.parametrize("stop", [1, 2, 3])
@pytest.mark.parametrize("optimizer", ["AdamW", "FAM"])
def test_a_run_stopped_in_any_phase_resumes_to_the_bit(recognizer, tmp_path, stop, optimizer):
    stages = {0: "head", 3: "top 1", 6: "head", 10: "all but convolutions"}
    build = lambda: recognizer(network=THREE, unfreeze=stages, optimizer=optimizer, **FROZEN_CONVOLUTIONS)  # noqa: E731
    assert_resumes_to_the_bit(build, tmp_path, stop=stop, epochs=4)


def test_two_processes_train_as_one(recognizer, tmp_path):
    stages = {0: "head", 1: "top 1", 3: "all but convolutions"}
    build = lambda: recognizer(  # noqa: E731
        network=STILL, unfreeze=stages, optimizer="SGD", momentum=0.5, lr=0.01, **FROZEN_CONVOLUTIONS
    )
    assert_two_processes_train_as_one(build, tmp_path)


def test_two_processes_agree_while_masks_are_drawn(recognizer, tmp_path):
    """The embedding of masks is in no frozen encoder's graph, for which the other process would wait."""
    model = recognizer(network=THREE, unfreeze={0: "head", 2: "all but convolutions"}, **FROZEN_CONVOLUTIONS)
    before = model.network.wav2vec2.masked_spec_embed.detach().clone()
    fit_in_two_processes(model, tmp_path, epochs=2)
    assert not torch.equal(model.network.wav2vec2.masked_spec_embed, before)


def test_a_model_trains_twice_by_its_schedule(recognizer, tmp_path):
    model, _ = run(recognizer, tmp_path, {0: "head", 2: "all but convolutions"}, epochs=1)
    changes = Changes()
    fit(model, tmp_path, epochs=1, callbacks=[changes])
    assert [len(step) > 2 for step in changes.changed] == [False, False, True, True]


@pytest.mark.parametrize(
    ("stages", "arguments", "message"),
    [
        ({}, {}, "from step 0 on"),
        ({5: "head"}, {}, "from step 0 on"),
        ({-1: "head", 0: "all but convolutions"}, {}, "from step 0 on"),
        ({0: "heads"}, {}, "0 must be head, top N.*'heads'"),
        ({0: "top 0"}, {}, "'top 0'"),
        ({0: "top 4"}, {}, "at most top 3"),
        ({0: "head"}, {"freeze_transformer": True}, "freeze_transformer: true"),
        ({0: "all"}, {}, "freeze_feature_extractor: true contradicts"),
        ({0: "head"}, {"freeze_feature_extractor": False}, "freeze_feature_extractor: false contradicts"),
        ({0: "head"}, {"adapter": LowRankAdapter(rank=2)}, "adapter"),
    ],
)
def test_schedules_without_meaning_are_refused(recognizer, stages, arguments, message):
    with pytest.raises(ValueError, match=message):
        recognizer("Wav2Vec2", THREE, unfreeze=stages, **(FROZEN_CONVOLUTIONS | arguments))
