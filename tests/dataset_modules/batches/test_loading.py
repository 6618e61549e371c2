import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from dataset_modules.batches.clip_dataset import Example
from dataset_modules.batches.loading import Collator, clip_loader
from dataset_modules.batches.worker_watch import SharedMemoryError

SHORT = Example(np.array([1.0, 2.0], dtype=np.float32), [3], "short")
LONG = Example(np.array([4.0, 5.0, 6.0], dtype=np.float32), [1, 2], "long")


def test_collate_pads_to_longest() -> None:
    batch = Collator(blank_id=9)([SHORT, LONG])
    assert batch.waveforms.tolist() == [[1.0, 2.0, 0.0], [4.0, 5.0, 6.0]]
    assert batch.labels.tolist() == [[3, 9], [1, 2]]
    assert batch.waveform_lengths.tolist() == [2, 3]
    assert batch.label_lengths.tolist() == [1, 2]
    assert batch.ids == ("short", "long")


def test_collate_tells_the_language_of_each_utterance() -> None:
    batch = Collator(blank_id=9)([SHORT._replace(language="de"), LONG])
    assert batch.languages == ("de", None)


def test_collate_keeps_to_the_contracts_types() -> None:
    batch = Collator(blank_id=0)([SHORT])
    types = (
        batch.waveforms.dtype,
        batch.waveform_lengths.dtype,
        batch.labels.dtype,
        batch.label_lengths.dtype,
    )
    assert types == (torch.float32, torch.int64, torch.int64, torch.int64)


def test_together_and_one_by_one_give_the_same_utterances() -> None:
    collate = Collator(blank_id=0)
    together = collate([SHORT, LONG])
    for row, example in enumerate((SHORT, LONG)):
        alone = collate([example])
        samples, phonemes = int(together.waveform_lengths[row]), int(together.label_lengths[row])
        assert torch.equal(together.waveforms[row, :samples], alone.waveforms[0])
        assert torch.equal(together.labels[row, :phonemes], alone.labels[0])


def test_utterances_without_labels_are_batched() -> None:
    batch = Collator(blank_id=0)([Example(np.zeros(4, dtype=np.float32), [], "silent"), LONG])
    assert batch.label_lengths.tolist() == [0, 2]
    assert batch.labels.tolist() == [[0, 0], [1, 2]]


class TwoClips(Dataset[Example]):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, key: tuple[int, int]) -> Example:
        return (SHORT, LONG)[key[1]]


def test_batches_of_workers_are_those_of_no_workers() -> None:
    (own,), (handed_over,) = (clip_loader(TwoClips(), [[(0, 0), (0, 1)]], 0, workers) for workers in (0, 1))
    assert torch.equal(own.waveforms, handed_over.waveforms)
    assert torch.equal(own.labels, handed_over.labels)


def test_a_batch_that_does_not_fit_into_shared_memory_is_an_error(monkeypatch) -> None:
    def fails(_: object) -> None:
        raise RuntimeError("unable to allocate shared memory(shm): No space left on device")

    loader = clip_loader(TwoClips(), [[(0, 0), (0, 1)]], 0, 1)
    monkeypatch.setattr(torch.Tensor, "share_memory_", fails)
    with pytest.raises(SharedMemoryError, match=r"set data\.num_workers to 0"):
        next(iter(loader))


def test_shared_memory_without_room_for_locks_is_an_error(monkeypatch) -> None:
    room = SimpleNamespace(f_bavail=16, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: room)
    with pytest.raises(SharedMemoryError):
        clip_loader(TwoClips(), [[(0, 0)]], 0, 1)
