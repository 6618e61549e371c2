"""Whether a handed-over model says what its checkpoint says, and what a difference costs."""

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
    same: int  # utterances in which both say the same phonemes
    phonemes: int  # of the references
    checkpoint_errors: int
    export_errors: int

    @property
    def checkpoint_per(self) -> float:
        """Phoneme error rate of the checkpoint."""
        return self.checkpoint_errors / max(self.phonemes, 1)

    @property
    def export_per(self) -> float:
        """Phoneme error rate of what was handed over."""
        return self.export_errors / max(self.phonemes, 1)

    @property
    def loss(self) -> float:
        """What the difference costs."""
        return self.export_per - self.checkpoint_per

    def holds(self, *, exact: bool) -> bool:
        """Whether every utterance is the same; else, whether the loss is small."""
        return self.same == self.utterances if exact else self.loss <= INT8_TOLERANCE

    def __str__(self) -> str:
        return (
            f"{self.same} of {self.utterances} test utterances with the same phonemes; "
            f"PER {self.export_per:.4f}, the checkpoint's {self.checkpoint_per:.4f} ({self.loss:+.4f})"
        )


def compare(utterances: Iterable[Utterance], checkpoint: Transcriber, export: Transcriber) -> Parity:
    """Let both hear every utterance by itself.

    Args:
        utterances: the test set.
        checkpoint: samples → tokens, by the checkpoint.
        export: the same, by what was handed over.
    """
    same = total = phonemes = own_errors = errors = 0
    for waveform, reference in utterances:
        own, other = (phonemes_in(hear(waveform)) for hear in (checkpoint, export))
        total, same = total + 1, same + (own == other)
        phonemes += len(reference)
        own_errors += phoneme_edits(reference, own).errors
        errors += phoneme_edits(reference, other).errors
    return Parity(total, same, phonemes, own_errors, errors)
