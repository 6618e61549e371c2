"""Utterances → batch: padded to the longest, with lengths."""

from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from dataset_modules.clip_dataset import Example
from dataset_modules.contract import Batch


class Collator:
    """Pads waveforms with zeros (the model fills in its own padding value) and labels with the blank."""

    def __init__(self, blank_id: int) -> None:
        self.blank_id = blank_id

    def __call__(self, examples: Sequence[Example]) -> Batch:
        """Build the batch of these examples, in their order."""
        waveforms = [torch.from_numpy(example.waveform) for example in examples]
        labels = [torch.tensor(example.labels, dtype=torch.long) for example in examples]
        return Batch(
            waveforms=pad_sequence(waveforms, batch_first=True),
            waveform_lengths=torch.tensor([len(waveform) for waveform in waveforms]),
            labels=pad_sequence(labels, batch_first=True, padding_value=self.blank_id),
            label_lengths=torch.tensor([len(label) for label in labels]),
            ids=tuple(example.id for example in examples),
            languages=tuple(example.language for example in examples),
            rows=tuple(example.row for example in examples),
        )
