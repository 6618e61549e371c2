"""Low-rank adapters: nothing at the start, merged as they compute, and checkpoints without their base."""

import json
import re

import pytest
import torch

from inference import Recognizer
from inference.handover.huggingface import save_huggingface
from inference.handover.model_card import Provenance
from inference.handover.space import write_space
from inference.streaming.audio_stream import AudioSamples
from models.network.additions.low_rank import LowRankAdapter, LowRankLinear, is_of_adapter, merged
from models.weights import CheckpointError
from tests.models.conftest import DETERMINISTIC, FAMILIES
from tests.models.short_runs import (
    assert_a_checkpoint_is_recognised_alike,
    assert_resumes_to_the_bit,
    assert_same_weights,
    assert_two_processes_train_as_one,
    fit,
    noise_batches,
    weights_of,
)

LORA = LowRankAdapter(rank=4, alpha=8)
ONE = AudioSamples(noise_batches()[0].waveforms[0].numpy(), 16000)


@pytest.fixture
def base(recognizer, tmp_path):
    """Writes a tiny pretrained folder of a family; returns its path."""

    def write(family="Wav2Vec2", name="base", seed=0, **network):
        model = recognizer(family, network)
        torch.manual_seed(seed)
        for value in model.parameters():
            torch.nn.init.normal_(value, std=0.05)
        fit(model, tmp_path, epochs=0).save_checkpoint(tmp_path / f"{name}.ckpt")
        save_huggingface(Recognizer.from_checkpoint(tmp_path / f"{name}.ckpt").model, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def adapted(recognizer, base):
    """Builds a recogniser with an adapter over a pretrained folder."""

    def build(family="Wav2Vec2", folder=None, adapter=LORA, network=None, **arguments):
        arguments = {"freeze_feature_extractor": True} | arguments
        name = str(folder or base(family))
        return recognizer(family, network, pretrained_name=name, adapter=adapter, **arguments)

    return build


def trainable(model):
    return {name for name, value in model.named_parameters() if value.requires_grad}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_adapter_changes_no_output(recognizer, base, adapted, batch, family):
    folder = base(family)
    plain = recognizer(family, pretrained_name=str(folder)).eval()
    model = adapted(family, folder).eval()
    assert plain.load_state_dict(weights_of(model), strict=False).missing_keys == []
    with torch.no_grad():
        ours, theirs = model.scores_of(batch)[0], plain.scores_of(batch)[0]
    # WavLM multiplies by the sum of the matrix and its change, which lies elsewhere in memory.
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6 if family == "WavLM" else 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_merged_weights_compute_what_the_adapter_computes(recognizer, base, adapted, batch, family, tmp_path):
    folder = base(family)
    model = adapted(family, folder)
    fit(model, tmp_path, epochs=2)
    assert all(value.abs().max() > 0 for name, value in model.state_dict().items() if "lora_up" in name)
    plain = recognizer(family)
    plain.load_state_dict(merged(model.state_dict()))
    with torch.no_grad():
        ours, theirs = (one.eval().scores_of(batch)[0] for one in (model, plain))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_only_adapters_and_the_head_train(adapted, family, tmp_path):
    model = adapted(family)
    names, before = trainable(model), weights_of(model)
    head = {"network.lm_head.weight", "network.lm_head.bias"}
    layers = ("linear_q", "linear_v") if family == "Wav2Vec2Bert" else ("q_proj", "v_proj")
    assert {name for name in names if not is_of_adapter(name)} == head
    assert {tuple(name.split(".")[-2:]) for name in names - head} == {
        (layer, part) for layer in layers for part in ("lora_down", "lora_up")
    }
    (group,) = fit(model, tmp_path, epochs=2).optimizers[0].param_groups
    assert set(group["names"]) == names
    after = weights_of(model)
    assert {name for name in after if not torch.equal(after[name], before[name])} == names


def test_dropout_belongs_to_the_adapter_alone():
    torch.manual_seed(0)
    layer = LowRankLinear(torch.nn.Linear(8, 8), LowRankAdapter(rank=2, dropout=0.5))
    torch.nn.init.normal_(layer.lora_up)
    inputs = torch.randn(5, 8)
    plain = torch.nn.functional.linear(inputs, layer._parameters["weight"], layer.bias)
    still = layer.eval()(inputs)
    torch.testing.assert_close(still, torch.nn.functional.linear(inputs, layer.weight, layer.bias))
    changes = torch.stack([layer.train()(inputs) - plain for _ in range(4000)])
    torch.testing.assert_close(changes.mean(0), still - plain, rtol=0.1, atol=0.3)
    assert changes.std(0).min() > 0


def test_a_checkpoint_is_small_and_names_its_base(base, adapted, tmp_path):
    wide = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 4}
    folder = base(**wide)
    model = adapted("Wav2Vec2", folder, LowRankAdapter(rank=2), wide)
    fit(model, tmp_path, epochs=1).save_checkpoint(tmp_path / "small.ckpt")
    full = adapted("Wav2Vec2", folder, None, wide)
    fit(full, tmp_path, epochs=1).save_checkpoint(tmp_path / "full.ckpt")
    assert (tmp_path / "small.ckpt").stat().st_size < 0.05 * (tmp_path / "full.ckpt").stat().st_size
    described = torch.load(tmp_path / "small.ckpt", weights_only=True)["phoneme_recognizer"]
    assert described["base"]["source"] == str(folder)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoint_is_recognised_as_a_plain_network(adapted, family, tmp_path):
    recognizer = assert_a_checkpoint_is_recognised_alike(adapted(family), tmp_path)
    assert not any(is_of_adapter(name) for name in recognizer.model.network.state_dict())
    save_huggingface(recognizer.model, tmp_path / "exported")
    assert not (tmp_path / "exported/extended_network.py").exists()
    assert torch.equal(Recognizer(str(tmp_path / "exported")).scores(ONE), recognizer.scores(ONE))


def test_a_shortened_encoder_finds_its_part_of_the_base(base, adapted, tmp_path):
    folder = base(num_hidden_layers=3, mask_time_prob=0.0, mask_feature_prob=0.0)
    model = adapted("Wav2Vec2", folder, network={"num_hidden_layers": 1, "mask_time_prob": 0.05})
    assert_a_checkpoint_is_recognised_alike(model, tmp_path)


def test_sizes_that_the_base_has_not_are_refused_before_they_are_built(adapted, tmp_path):
    path = tmp_path / "model.ckpt"
    fit(adapted(), tmp_path, epochs=1).save_checkpoint(path)
    checkpoint = torch.load(path, weights_only=True)
    described = checkpoint["phoneme_recognizer"]
    config = json.loads(described["network_config"]) | {"intermediate_size": 900_000, "hidden_size": 900_000}
    described["network_config"] = json.dumps(config)
    torch.save(checkpoint, path)
    with pytest.raises(CheckpointError):
        Recognizer.from_checkpoint(path)


def test_another_base_and_none_are_refused_by_name(base, adapted, tmp_path):
    folder = base()
    path = tmp_path / "model.ckpt"
    model = adapted(folder=folder)
    fit(model, tmp_path, epochs=1).save_checkpoint(path)
    folder.rename(tmp_path / "moved")
    with pytest.raises(CheckpointError, match=f"base model {re.escape(str(folder))} is not on this machine"):
        Recognizer.from_checkpoint(path)
    base(seed=1)
    with pytest.raises(CheckpointError, match=f"adapter over {re.escape(str(folder))}.* others"):
        Recognizer.from_checkpoint(path)
    with pytest.raises(CheckpointError, match="pretrained_name"):
        fit(adapted(folder=folder), tmp_path, epochs=2, ckpt_path=path)
    with pytest.raises(CheckpointError, match="pretrained_name"):
        adapted(folder=folder, initial_weights=path)
    fit(adapted(folder=tmp_path / "moved"), tmp_path, epochs=2, ckpt_path=path)


def test_a_space_needs_no_base(base, adapted, tmp_path):
    folder = base()
    fit(adapted(folder=folder), tmp_path, epochs=2).save_checkpoint(tmp_path / "model.ckpt")
    expected = Recognizer.from_checkpoint(tmp_path / "model.ckpt").scores(ONE)
    write_space(tmp_path / "model.ckpt", None, tmp_path / "space", Provenance("one", {}, {}, {}), [])
    folder.rename(tmp_path / "elsewhere")
    found = Recognizer.from_experiment(tmp_path / "space/experiments/one").scores(ONE)
    assert torch.equal(found, expected)


def test_a_base_of_the_hub_is_taken_from_its_cache_alone(base, adapted, tmp_path):
    path = tmp_path / "model.ckpt"
    fit(adapted(), tmp_path, epochs=1).save_checkpoint(path)
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["phoneme_recognizer"]["base"]["source"] = "someone/never-downloaded"
    torch.save(checkpoint, path)
    with pytest.raises(CheckpointError, match="hf download someone/never-downloaded"):
        Recognizer.from_checkpoint(path)


@pytest.mark.parametrize("other", [None, LowRankAdapter(rank=4, alpha=4), LowRankAdapter(rank=2, alpha=8)])
def test_a_run_with_another_adapter_is_not_resumed(adapted, tmp_path, other):
    fit(adapted(), tmp_path, epochs=1).save_checkpoint(tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match="model.adapter"):
        fit(adapted(adapter=other), tmp_path, epochs=2, ckpt_path=tmp_path / "model.ckpt")


def test_an_adapter_over_initial_weights_is_kept_with_them(recognizer, base, tmp_path):
    base()
    start = tmp_path / "base.ckpt"
    build = lambda **more: recognizer("Wav2Vec2", adapter=LORA, freeze_feature_extractor=True, **more)  # noqa: E731
    model = build(initial_weights=start)
    assert_a_checkpoint_is_recognised_alike(model, tmp_path)
    (tmp_path / "base.ckpt").unlink()
    resumed = build()
    resumed.awaits_checkpoint = True
    fit(resumed, tmp_path, epochs=2, ckpt_path=tmp_path / "model.ckpt")
    assert_same_weights(weights_of(resumed), weights_of(model))


def test_weights_alone_are_taken_from_an_adapted_checkpoint(recognizer, base, adapted, batch, tmp_path):
    folder = base()
    model = adapted(folder=folder)
    fit(model, tmp_path, epochs=2).save_checkpoint(tmp_path / "model.ckpt")
    for adapter in (None, LowRankAdapter(rank=2)):
        other = recognizer(
            "Wav2Vec2", pretrained_name=str(folder), adapter=adapter, initial_weights=tmp_path / "model.ckpt"
        )
        with torch.no_grad():
            ours, theirs = (one.eval().scores_of(batch)[0] for one in (other, model))
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_a_stopped_run_resumes_to_the_bit(base, adapted, tmp_path):
    folder = base()

    def build():
        model = adapted(folder=folder)
        model.awaits_checkpoint = True  # which must not keep the base from being loaded
        return model

    assert_resumes_to_the_bit(build, tmp_path)


def test_two_processes_train_as_one(base, adapted, tmp_path):
    folder = base()
    adapter = LowRankAdapter(rank=4, dropout=0.0)
    build = lambda: adapted("Wav2Vec2", folder, adapter, DETERMINISTIC, optimizer="SGD", lr=0.01)  # noqa: E731
    assert_two_processes_train_as_one(build, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"adapter": LowRankAdapter(targets=["q_prj"])}, r"'q_prj'; there are: .*q_proj"),
        ({"adapter": LowRankAdapter(targets=["lm_head"])}, "lm_head"),
        ({"adapter": LORA, "freeze_transformer": True}, "freeze_transformer"),
    ],
)
def test_what_cannot_be_adapted_is_refused_before_anything_is_built(recognizer, arguments, message):
    with pytest.raises(ValueError, match=message):
        recognizer("Wav2Vec2", **arguments)


def test_targets_may_be_named_with_their_parents(recognizer):
    model = recognizer(
        "Wav2Vec2", adapter=LowRankAdapter(targets=["layers.1.attention.out_proj", "output_dense"])
    )
    adapted = [name for name in model.state_dict() if name.endswith("lora_up")]
    assert [re.sub(r".*layers\.", "", name) for name in adapted] == [
        "0.feed_forward.output_dense.lora_up",
        "1.attention.out_proj.lora_up",
        "1.feed_forward.output_dense.lora_up",
    ]


@pytest.mark.parametrize(
    "wrong", [{"rank": 0}, {"alpha": 0.0}, {"alpha": float("inf")}, {"dropout": 1.0}, {"targets": []}]
)
def test_values_without_meaning_are_refused(wrong):
    with pytest.raises(ValueError, match=f"adapter: {next(iter(wrong))}"):
        LowRankAdapter(**wrong)


def test_a_damaged_adapter_is_refused(adapted, tmp_path):
    path = tmp_path / "model.ckpt"
    fit(adapted(), tmp_path, epochs=1).save_checkpoint(path)
    whole = torch.load(path, weights_only=True)
    name = next(name for name in whole["state_dict"] if name.endswith("lora_up"))
    for change in ({name: torch.zeros(3, 4)}, {name: None}, {name: torch.zeros(1).expand(32, 4)}):
        state = {key: value for key, value in {**whole["state_dict"], **change}.items() if value is not None}
        torch.save({**whole, "state_dict": state}, path)
        with pytest.raises(CheckpointError):
            Recognizer.from_checkpoint(path)
