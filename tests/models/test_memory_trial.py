"""Trying a batch leaves no trace."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from models.memory_trial import noise_batch


@pytest.fixture
def model(recognizer):
    model = recognizer(network={"hidden_dropout": 0.5})
    model._trainer = SimpleNamespace(precision_plugin=SimpleNamespace(forward_context=nullcontext))
    model._fabric = None
    return model.train()


def test_a_batch_that_fits_is_told_and_forgotten(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_state = torch.get_rng_state()
    assert model.fits(2, 16000)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_batch_that_does_not_fit_is_told_and_forgotten(model, monkeypatch):
    tried = []

    def loss_of(batch):
        tried.append(tuple(batch.waveforms.shape))
        if batch.waveforms.numel() > 32000:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return sum(parameter.sum() for parameter in model.parameters() if parameter.requires_grad)

    monkeypatch.setattr(model, "loss_of", loss_of)
    assert [model.fits(count, 16000) for count in (1, 2, 3)] == [True, True, False]
    assert tried == [(1, 16000), (2, 16000), (3, 16000)]
    assert all(parameter.grad is None for parameter in model.parameters())


def test_other_failures_are_not_taken_for_want_of_memory(model, monkeypatch):
    def fail(batch):
        raise RuntimeError("a mistake")

    monkeypatch.setattr(model, "loss_of", fail)
    with pytest.raises(RuntimeError, match="a mistake"):
        model.fits(1, 16000)


def test_noise_comes_with_labels_that_its_frames_can_hold(recognizer):
    model = recognizer()
    batch = noise_batch(3, 32000, 6, torch.device("cpu"))
    assert batch.waveforms.shape == (3, 32000)
    assert batch.labels.min() >= 1
    assert batch.labels.max() < 6
    frames = model.num_frames(torch.tensor([32000]).numpy())
    assert 2 * batch.num_labels[0] < frames[0]
