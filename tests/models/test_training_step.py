"""A training step never waits for the device; its switches change memory and speed, not the result."""

import numpy as np
import pytest
import torch
from transformers import AutoConfig

from dataset_modules.batches.clip_dataset import Example
from dataset_modules.batches.loading import Collator
from models.network.acoustic_forward import round_up
from models.network.attention import check_attention
from models.network.frames import convolved_frames
from tests.models.conftest import DETERMINISTIC, FAMILIES
from tests.models.host_guard import HostWaitError, no_host_waits

SHALLOW = {"num_hidden_layers": 1}
STILL = {"apply_spec_augment": False, "layerdrop": 0.0}


@pytest.fixture
def collated(batch):
    """The same three utterances as the loader hands them over: lengths on the host, too."""
    lengths, counts = batch.waveform_lengths.tolist(), batch.label_lengths.tolist()
    return Collator(blank_id=0)(
        [
            Example(wave[:size].numpy(), labels[:count].tolist(), key)
            for wave, size, labels, count, key in zip(
                batch.waveforms, lengths, batch.labels, counts, batch.ids, strict=True
            )
        ]
    )


def training(model):
    model.log = lambda *_, **__: None
    return model.train()


def gradients(model, batch):
    model.zero_grad()
    model.on_train_batch_start(batch, 0)
    model.training_step(batch, 0).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def largest_difference(these, those):
    assert these.keys() == those.keys()
    return max(float((these[name] - those[name]).abs().max()) for name in these)


@pytest.fixture
def like_an_accelerator(monkeypatch):
    """A processor draws dropout on the host, which has nobody to wait for there."""
    for room in ("models.network.quick_dropout", "models.network.attention"):
        monkeypatch.setattr(f"{room}.draws_quickly", lambda tensor: False)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_never_asks_the_device(recognizer, collated, family, like_an_accelerator):
    model = training(recognizer(family, STILL))
    with no_host_waits():
        loss = model.training_step(collated, 0)
        loss.backward()
    assert torch.isfinite(loss)


def test_the_guard_notices_a_batch_that_has_its_lengths_on_the_device_alone(recognizer, batch):
    model = training(recognizer(network=STILL))
    with pytest.raises(HostWaitError), no_host_waits():
        model.training_step(batch, 0)


@pytest.mark.parametrize("read", [lambda t: t.item(), bool, lambda t: t.nonzero(), lambda t: t.tolist()])
def test_the_guard_refuses(read):
    with pytest.raises(HostWaitError), no_host_waits():
        read(torch.ones(1))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_only_the_losss_own_copies_of_lengths_wait_for_a_gpu(recognizer, collated):
    model = training(recognizer(network=STILL)).cuda()
    batch = model.transfer_batch_to_device(collated, torch.device("cuda"), 0)
    model.training_step(batch, 0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        model.scores_of(batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("family", FAMILIES)
def test_lengths_on_the_host_change_nothing(recognizer, batch, collated, family):
    model = training(recognizer(family, STILL))
    model.on_train_batch_start(batch, 0)
    expected = model.training_step(batch, 0)
    model.on_train_batch_start(batch, 0)
    assert torch.equal(model.training_step(collated, 0), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_checkpointing_keeps_the_gradients_and_stores_less(recognizer, collated, family):
    kept, found = {}, {}
    for switch in (False, True):
        model = training(recognizer(family, STILL, gradient_checkpointing=switch))
        stored = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, stored=stored: stored.append(tensor.numel()) or tensor, lambda tensor: tensor
        ):
            model.on_train_batch_start(collated, 0)
            model.training_step(collated, 0)
        kept[switch] = sum(stored)
        found[switch] = gradients(model, collated)
    assert kept[True] < 0.8 * kept[False]
    assert largest_difference(found[True], found[False]) < 1e-6


@pytest.mark.parametrize("family", ["Wav2Vec2", "Wav2Vec2Bert"])
def test_attention_by_any_name_gives_the_same(recognizer, collated, family):
    eager = gradients(training(recognizer(family, DETERMINISTIC, attention="eager")), collated)
    chosen = gradients(training(recognizer(family, DETERMINISTIC, attention="sdpa")), collated)
    by_default = gradients(training(recognizer(family, DETERMINISTIC)), collated)
    assert largest_difference(eager, chosen) < 1e-5
    assert largest_difference(chosen, by_default) == 0


def test_attention_that_a_family_has_not_is_refused():
    with pytest.raises(ValueError, match="attention must be one of eager or null for wavlm models"):
        check_attention(AutoConfig.for_model("wavlm"), "sdpa")
    with pytest.raises(ValueError, match="must be one of sdpa, eager or null for wav2vec2-bert"):
        check_attention(AutoConfig.for_model("wav2vec2-bert"), "flash_attention_2")


@pytest.mark.skipif(torch.cuda.is_available(), reason="flash attention may be there")
def test_flash_attention_needs_a_machine_that_has_it(recognizer):
    with pytest.raises(ValueError, match="needs a CUDA device and the package flash-attn"):
        recognizer(attention="flash_attention_2")


def test_a_mixed_precision_step_learns(recognizer, collated):
    model = training(recognizer(network=DETERMINISTIC))
    exact = gradients(model, collated)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model.zero_grad()
        loss = model.training_step(collated, 0)
    loss.backward()
    head = model.network.lm_head.weight
    assert loss.dtype == torch.float32
    assert head.grad.dtype == torch.float32
    cosine = torch.cosine_similarity(head.grad.flatten(), exact["network.lm_head.weight"].flatten(), dim=0)
    assert cosine > 0.99


@pytest.fixture
def traced(monkeypatch):
    """torch.compile without its code generator: what it traces, and in how many graphs and shapes."""
    graphs = []

    def backend(graph, inputs):
        graphs.append([tuple(value.shape) for value in inputs if isinstance(value, torch.Tensor)])
        return graph.forward

    compile_ = torch.compile
    torch._dynamo.reset()
    monkeypatch.setattr(
        torch, "compile", lambda module, **options: compile_(module, backend=backend, **options)
    )
    return graphs


@pytest.mark.slow
def test_a_compiled_step_learns_the_same_with_few_graphs(recognizer, collated, traced):
    plain = gradients(training(recognizer(network=DETERMINISTIC | SHALLOW)), collated)
    model = training(recognizer(network=DETERMINISTIC | SHALLOW, compile=True))
    assert largest_difference(gradients(model, collated), plain) < 1e-5
    first = len(traced)
    assert first
    shorter = Collator(0)(
        [Example(collated.waveforms[0, :size].numpy(), [3, 4], str(size)) for size in (8000, 7300)]
    )
    longer = Collator(0)(
        [Example(np.tile(collated.waveforms[0].numpy(), 2)[:size], [3], str(size)) for size in (31000, 20001)]
    )
    for other in (shorter, longer):
        gradients(model, other)
    assert len(traced) <= 2 * first


@pytest.mark.slow
def test_a_compiled_step_masks_the_same_also_when_activations_are_computed_again(
    recognizer, collated, traced
):
    network = (
        DETERMINISTIC | SHALLOW | {"apply_spec_augment": True, "mask_time_prob": 0.3, "mask_time_length": 5}
    )
    plain = gradients(training(recognizer(network=network)), collated)
    model = training(recognizer(network=network, compile=True, gradient_checkpointing=True))
    assert largest_difference(gradients(model, collated), plain) < 1e-5
    assert plain["network.wav2vec2.masked_spec_embed"].any()
    graphs = len(traced)
    for _ in range(3):  # another mask is no other graph
        gradients(model, collated)
    assert len(traced) == graphs


@pytest.mark.slow
def test_a_compiled_step_goes_on_from_kept_features(recognizer, collated, traced):
    network = DETERMINISTIC | SHALLOW
    plain = gradients(training(recognizer(network=network, freeze_feature_extractor=True)), collated)
    model = training(recognizer(network=network, freeze_feature_extractor=True, compile=True))
    features = model.acoustic.states(collated.waveforms, collated.waveform_lengths)
    counts = convolved_frames(model.network.config, collated.num_samples)
    kept = features * (torch.arange(features.shape[1]) < torch.from_numpy(counts)[:, None])[..., None]
    kept_batch = collated._replace(encoder_states=kept, waveforms=torch.zeros(3, 0))
    assert largest_difference(gradients(model, kept_batch), plain) < 1e-5
    assert traced


def test_evaluation_is_not_compiled(recognizer, collated, traced):
    model = recognizer(network=DETERMINISTIC, compile=True).eval()
    with torch.inference_mode():
        compiled, _ = model(collated.waveforms, collated.waveform_lengths)
        plain, _ = recognizer(network=DETERMINISTIC).eval()(collated.waveforms, collated.waveform_lengths)
    assert not traced
    assert torch.equal(compiled, plain)


def test_compiled_lengths_are_few_and_close():
    lengths = range(2 * 16000, 12 * 16000, 37)
    rounded = [round_up(length) for length in lengths]
    assert len(set(rounded)) <= 25
    assert all(length <= up <= 1.09 * length for length, up in zip(lengths, rounded, strict=True))


def test_switches_leave_the_saved_configuration_alone(recognizer):
    model = recognizer(gradient_checkpointing=True, attention="sdpa")
    assert "unasked" not in model.network.config.to_json_string(use_diff=False)
    assert set(model.state_dict()) == set(recognizer().state_dict())
