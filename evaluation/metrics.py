"""Running figures over a split: sums of edits and lengths, so that nothing depends on how it is batched."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from phonetics import EditCounts, edit_counts, split_words

# What the figures mean; written beside them.
DEFINITIONS = {
    "loss": "CTC loss of an utterance divided by its reference length, averaged over utterances",
    "per": "phoneme error rate: substitutions, deletions and insertions over reference phonemes, "
    "summed over the split; word boundaries do not count",
    "cer": "the same over the characters of the phoneme string, a space standing for a word boundary",
    "wer": "the same over words (runs of phonemes between word boundaries); "
    "the whole utterance is one word where the vocabulary has no boundary",
    "blank_share": "share of frames whose best token is the blank",
}
LANGUAGE_DEFINITION = "per over the utterances of one language alone; logged where a split has several"


class RatioOfSums(Metric):
    """A sum over a split divided by another, exact in float64 and summed over processes.

    Where nothing was counted the ratio is NaN.
    """

    full_state_update = False
    higher_is_better = False
    numerator: Tensor
    denominator: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._total = torch.zeros((), dtype=torch.float64)
        self.add_state("numerator", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("denominator", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, numerator: float, denominator: float) -> None:
        """Add one batch's sums."""
        self.numerator += numerator
        self.denominator += denominator

    def compute(self) -> Tensor:
        """The ratio over everything added so far."""
        self._total = self.denominator.clone()
        return self.numerator / self.denominator

    def total(self) -> Tensor:
        """The denominator of the last ratio, over all processes."""
        return self._total

    def set_dtype(self, dst_type: str | torch.dtype) -> "RatioOfSums":  # noqa: ARG002
        """Sums stay in float64 whatever the model's precision."""
        return self


def add_edits(metric: RatioOfSums, counts: Iterable[EditCounts]) -> None:
    """Add edits over reference lengths."""
    pairs = [(count.errors, count.reference_length) for count in counts]
    metric.update(sum(errors for errors, _ in pairs), sum(length for _, length in pairs))


def phoneme_edits(reference: Sequence[str], hypothesis: Sequence[str], delimiter: str | None) -> EditCounts:
    """Edits between phonemes; word boundaries are left out on both sides.

    >>> phoneme_edits(["d", "a", "|", "n"], ["d", "|", "a"], "|").errors
    1
    """
    return edit_counts(_sounds(reference, delimiter), _sounds(hypothesis, delimiter))


def character_edits(reference: Sequence[str], hypothesis: Sequence[str], delimiter: str | None) -> EditCounts:
    """Edits between the characters of the phoneme strings.

    >>> character_edits(["tʃ", "a"], ["t", "a"], None)
    EditCounts(substitutions=0, deletions=1, insertions=0, reference_length=3)
    """
    return edit_counts(_string(reference, delimiter), _string(hypothesis, delimiter))


def word_edits(reference: Sequence[str], hypothesis: Sequence[str], delimiter: str | None) -> EditCounts:
    """Edits between words."""
    return edit_counts(split_words(reference, delimiter), split_words(hypothesis, delimiter))


def _sounds(tokens: Sequence[str], delimiter: str | None) -> list[str]:
    return [token for token in tokens if token != delimiter]


def _string(tokens: Sequence[str], delimiter: str | None) -> str:
    return "".join(" " if token == delimiter else token for token in tokens)
