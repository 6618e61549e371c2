import logging

import numpy as np
import pytest
from audiomentations import PolarityInversion
from audiomentations.core.transforms_interface import BaseWaveformTransform
from torch.utils.data import DataLoader, Dataset

from dataset_modules.augmentations import AugmentationPipeline
from dataset_modules.augmentations.failures import FailureLedger, describe_failures

RATE = 16000


class FailingOnLoud(BaseWaveformTransform):
    """Cannot take what is louder than a half."""

    def apply(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        if samples.max() > 0.5:
            raise RuntimeError("too loud")
        return samples


class Clips(Dataset[int]):
    """Every third clip is loud."""

    def __init__(self, augment: AugmentationPipeline) -> None:
        self.augment = augment

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> int:
        waveform = np.full(400, 0.9 if index % 3 == 0 else 0.1, dtype=np.float32)
        return len(self.augment(waveform, RATE, 0, index))


@pytest.mark.parametrize("num_workers", [0, 1, 4])
def test_failures_of_all_readers_are_counted_together(num_workers: int) -> None:
    pipeline = AugmentationPipeline(
        [PolarityInversion(p=0.0), FailingOnLoud(p=1.0)], seed=0, num_workers=num_workers
    )
    list(DataLoader(Clips(pipeline), batch_size=3, num_workers=num_workers))
    assert pipeline.failures == 10
    (failure,) = pipeline.ledger.failures()
    assert failure[:2] == ("FailingOnLoud", 10)
    assert len(failure.indices) == 3
    assert all(index % 3 == 0 for index in failure.indices)


def test_more_readers_than_were_announced_are_counted_too() -> None:
    pipeline = AugmentationPipeline([FailingOnLoud(p=1.0)], seed=0, num_workers=1)
    list(DataLoader(Clips(pipeline), batch_size=30, num_workers=1))
    assert pipeline.failures == 10


def test_the_first_few_clips_are_named_once_each() -> None:
    ledger = FailureLedger(["Gain", "Reverse"])
    for index in (5, 5, 6, 7, 8):
        ledger.record(1, index)
    assert ledger.failures() == [("Reverse", 5, (5, 6, 7))]
    assert describe_failures(ledger.failures(), lambda index: f"clip{index}").endswith(
        "Reverse 5 (first: clip5, clip6, clip7)"
    )


def test_the_warning_names_transform_clip_and_fault(caplog: pytest.LogCaptureFixture) -> None:
    pipeline = AugmentationPipeline([FailingOnLoud(p=1.0)], seed=0)
    with caplog.at_level(logging.WARNING):
        pipeline(np.full(400, 0.9, dtype=np.float32), RATE, 0, 12)
    for part in ("clip 12", "FailingOnLoud", "too loud"):
        assert part in caplog.text
