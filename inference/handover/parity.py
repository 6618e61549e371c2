"""Compare an exported model with its checkpoint: equal transcripts, and the difference in error rate."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.error_counts import phoneme_edits, phonemes_in

INT8_TOLERANCE = 0.01  # of PER, absolute
Transcriber = Callable[[NDArray[np.float32]], list[str]]


class Utterance(NamedTuple):
    """One clip of a test set, at the model's rate, and its phonemes without word boundaries."""

    waveform: NDArray[np.float32]
    phonemes: Sequence[str]


class Parity(NamedTuple):
    """Two models over one test set."""

    utterances: int
    same: int  # utterances with equal phonemes from both
    phonemes: int  # of the references
    checkpoint_errors: int
    export_errors: int

    @property
    def checkpoint_per(self) -> float:
        """Compute the phoneme error rate of the checkpoint."""
        return self.checkpoint_errors / max(self.phonemes, 1)

    @property
    def export_per(self) -> float:
        """Compute the phoneme error rate of the exported model."""
        return self.export_errors / max(self.phonemes, 1)

    @property
    def loss(self) -> float:
        """Compute the increase of the phoneme error rate."""
        return self.export_per - self.checkpoint_per

    def holds(self, *, exact: bool) -> bool:
        """Whether all utterances are equal (exact), or whether the loss is small."""
        return self.same == self.utterances if exact else self.loss <= INT8_TOLERANCE

    def __str__(self) -> str:
        return (
            f"{self.same} of {self.utterances} test utterances with the same phonemes; "
            f"PER {self.export_per:.4f}, the checkpoint's {self.checkpoint_per:.4f} ({self.loss:+.4f})"
        )


def compare(utterances: Iterable[Utterance], checkpoint: Transcriber, export: Transcriber) -> Parity:
    """Run both models on every utterance separately."""
    same = total = phonemes = own_errors = errors = 0
    for waveform, reference in utterances:
        own, other = (phonemes_in(transcribe(waveform)) for transcribe in (checkpoint, export))
        total, same = total + 1, same + (own == other)
        phonemes += len(reference)
        own_errors += phoneme_edits(reference, own).errors
        errors += phoneme_edits(reference, other).errors
    return Parity(total, same, phonemes, own_errors, errors)
