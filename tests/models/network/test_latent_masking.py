"""Masks inside the encoder: drawn as transformers draws them, and never more than half of a clip."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import Wav2Vec2Config
from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.batches.batch import Batch
from models.network.latent_masking import time_mask
from tests.models.conftest import FAMILIES

MASKS = {
    "apply_spec_augment": True,
    "mask_time_prob": 0.3,
    "mask_time_length": 10,
    "mask_feature_prob": 0.2,
    "mask_feature_length": 4,
    "layerdrop": 0.0,
}
# 0.03 s, less than one stretch, just more than one, and two seconds.
LENGTHS = torch.tensor([1100, 2500, 4600, 32000])


def config(**changes):
    return Wav2Vec2Config(mask_time_prob=0.3, mask_time_length=10, mask_time_min_masks=2, **changes)


def mixed_batch():
    generator = torch.Generator().manual_seed(0)
    waveforms = torch.randn(4, 32000, generator=generator) * (torch.arange(32000) < LENGTHS[:, None])
    labels = torch.tensor([[3], [4], [5], [3]])
    return Batch(waveforms, LENGTHS, labels, torch.ones(4, dtype=torch.long), ("a", "b", "c", "d"))


def prepared(recognizer, family, *, told_lengths=True, **network):
    model = recognizer(
        family, MASKS | network, audio_params=AudioParams(return_attention_mask=told_lengths)
    ).train()
    model.log = lambda *_, **__: None
    return model


@pytest.mark.parametrize("told_lengths", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_of_short_and_long_clips_trains(recognizer, family, told_lengths):
    model = prepared(recognizer, family, told_lengths=told_lengths)
    for step in range(5):
        model.on_train_batch_start(mixed_batch(), step)
        loss = model.training_step(mixed_batch(), step)
        loss.backward()
        assert torch.isfinite(loss)
    embedding = model.network.base_model.masked_spec_embed
    assert torch.isfinite(embedding.grad).all()
    assert embedding.grad.any()  # something was masked


@pytest.mark.parametrize("family", FAMILIES)
def test_masks_follow_from_the_step(recognizer, family):
    model = prepared(recognizer, family, hidden_dropout=0.0)

    def loss_of(step):
        torch.rand(3)
        np.random.rand(5)
        model.on_train_batch_start(mixed_batch(), step)
        return float(model.training_step(mixed_batch(), step).detach())

    assert loss_of(1) == loss_of(1)
    assert len({loss_of(step) for step in range(4)}) == 4


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_masked_in_evaluation(recognizer, family):
    model = prepared(recognizer, family)
    model.training_step(mixed_batch(), 0)  # leaves a mask behind, were it kept
    model.eval()
    batch = mixed_batch()
    with torch.inference_mode():
        first, _ = model(batch.waveforms, batch.waveform_lengths)
        second, _ = model(batch.waveforms, batch.waveform_lengths)
    assert torch.equal(first, second)


def test_nothing_is_masked_after_a_step_that_failed(recognizer, monkeypatch):
    """A batch that is too large for the device fails in the middle of its forward pass."""
    model = prepared(recognizer, "Wav2Vec2")
    head = model.network.lm_head.forward

    def fail(_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model.network.lm_head, "forward", fail)
    with pytest.raises(torch.OutOfMemoryError):
        model.training_step(mixed_batch(), 0)
    monkeypatch.setattr(model.network.lm_head, "forward", head)
    model.eval()
    waveforms = mixed_batch().waveforms[:2, :16000]  # another shape than the mask had
    with torch.inference_mode():
        model(waveforms, torch.tensor([16000, 16000]))


class RefuseMasksAsIndices(TorchDispatchMode):
    """A device must count what a mask selects, and the host waits for it."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in (torch.ops.aten.index_put_.default, torch.ops.aten.index.Tensor) and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        ):
            if args[2:] and args[2].numel() == 1:
                return func(*args, **(kwargs or {}))  # filled, not put
            raise AssertionError(f"{func} by a mask")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("family", FAMILIES)
def test_frames_are_masked_without_asking_the_device(recognizer, family):
    model = prepared(recognizer, family)
    with RefuseMasksAsIndices():
        model.training_step(mixed_batch(), 0).backward()
    assert model.network.base_model.masked_spec_embed.grad.any()


def test_a_compiled_encoder_masks_the_same(recognizer):
    losses = []
    for compiles in (False, True):
        model = prepared(recognizer, "Wav2Vec2", hidden_dropout=0.0)
        model.acoustic.masking.compiles = compiles  # how masks are handed over
        model.on_train_batch_start(mixed_batch(), 3)
        losses.append(model.training_step(mixed_batch(), 3))
    assert torch.equal(*losses)


def test_an_adapter_does_not_change_where_masks_lie(recognizer):
    model = prepared(
        recognizer, "Wav2Vec2Bert", add_adapter=True, num_adapter_layers=1, output_hidden_size=32
    )
    assert torch.isfinite(model.training_step(mixed_batch(), 0))


@pytest.mark.parametrize("with_lengths", [True, False])
def test_masks_of_long_clips_are_those_of_transformers(with_lengths):
    frames = torch.tensor([150, 180, 200])
    real = torch.arange(200) < frames[:, None]
    np.random.seed(4)
    expected = _compute_mask_indices((3, 200), 0.3, 10, real if with_lengths else None, 2)
    np.random.seed(4)
    mask = time_mask(config(), frames, 200, with_lengths=with_lengths)
    assert (mask.numpy() == expected).all()
    assert mask.any(dim=1).all()


@pytest.mark.parametrize("with_lengths", [True, False])
def test_no_clip_loses_more_than_half_of_its_frames(with_lengths):
    frames = torch.tensor([1, 5, 10, 12, 25, 60, 200])
    real = torch.arange(200) < frames[:, None]
    worst = torch.zeros(7)
    for seed in range(50):
        np.random.seed(seed)
        mask = time_mask(config(), frames, 200, with_lengths=with_lengths) & real
        worst = torch.maximum(worst, mask.sum(1) / frames)
    assert (worst <= 0.5).all()
    assert worst[-1] > 0.1


def test_transformers_alone_would_silence_a_short_clip():
    """The reason for the limit; where this fails, it may go."""
    real = torch.arange(200) < torch.tensor([[10], [200]])
    np.random.seed(0)
    assert _compute_mask_indices((2, 200), 0.05, 10, real, 2)[0, :10].all()


def test_a_batch_shorter_than_one_stretch_is_not_masked():
    assert not time_mask(config(), torch.tensor([10, 4]), 10, with_lengths=True).any()


@pytest.mark.parametrize(
    ("network", "named"),
    [
        ({"mask_feature_prob": 0.1, "mask_feature_length": 64}, "mask_feature_length .*32.* 64"),
        ({"mask_time_prob": 1.5}, "mask_time_prob .* 1.5"),
        ({"mask_time_length": 0}, "mask_time_length"),
    ],
)
def test_masks_that_cannot_be_drawn_are_refused_at_the_start(recognizer, network, named):
    with pytest.raises(ValueError, match=named):
        recognizer(network=MASKS | network)
