import numpy as np
import pytest
import torch
from torch import Tensor

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.batches.batch import Batch


@pytest.mark.parametrize("rate", [0, -16000])
def test_sampling_rate_must_be_positive(rate: int) -> None:
    with pytest.raises(ValueError, match=f"sampling_rate must be between 100 and 768000, got {rate}"):
        AudioParams(sampling_rate=rate)


def test_only_one_channel_is_accepted() -> None:
    with pytest.raises(ValueError, match="feature_size must be 1 .*, got 2"):
        AudioParams(feature_size=2)


def test_equal_facts_are_equal() -> None:
    assert AudioParams() == AudioParams(16000, 0.0, 1, None, True)


def _batch() -> Batch:
    lengths = torch.tensor([3, 2])
    return Batch(
        torch.ones(2, 3), lengths, torch.ones(2, 1), lengths, ("a", "b"), num_samples=np.array([3, 2])
    )


def test_a_batch_moves_its_tensors_and_keeps_the_rest() -> None:
    batch = _batch()
    moved = batch.to(torch.device("meta"))
    tensors = {name for name, value in moved._asdict().items() if isinstance(value, Tensor)}
    assert tensors == {"waveforms", "waveform_lengths", "labels", "label_lengths"}
    assert {getattr(moved, name).device.type for name in tensors} == {"meta"}
    assert moved.ids is batch.ids
    assert moved.num_samples is batch.num_samples
    assert moved.encoder_states is None
    assert moved.num_labels is None
    states = batch._replace(encoder_states=torch.ones(2, 1, 4)).to(torch.device("meta")).encoder_states
    assert states is not None
    assert states.device.type == "meta"


@pytest.mark.parametrize(
    ("device", "at_once"), [("cuda", True), ("mps", False), ("xpu", False), ("cpu", False)]
)
def test_only_cuda_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, device: str, at_once: bool) -> None:
    asked: list[tuple[str, bool]] = []

    def to(tensor: Tensor, place: torch.device, *, non_blocking: bool) -> Tensor:
        asked.append((place.type, non_blocking))
        return tensor

    monkeypatch.setattr(Tensor, "to", to)
    _batch().to(torch.device(device))
    assert asked == [(device, at_once)] * 4
