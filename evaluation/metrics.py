"""Running metrics of a split: sums of edits and lengths, so that no result depends on the batches."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar

import torch
from torch import Tensor, distributed, nn
from torchmetrics import Metric

from evaluation.error_counts import (
    CountEdits,
    character_edits,
    error_rate,
    phoneme_edits,
    total_edits,
    word_edits,
)
from phonetics import EditCounts

# What the metrics mean; written beside their values.
DEFINITIONS = {
    "loss": "CTC loss of an utterance divided by its reference length, averaged over utterances",
    "per": "phoneme error rate: substitutions, deletions and insertions over reference phonemes, "
    "summed over the split; word boundaries do not count",
    "cer": "the same over the characters of the phoneme string, a space standing for a word boundary",
    "wer": "the same over words (runs of phonemes between word boundaries); "
    "the whole utterance is one word where the vocabulary has no boundary",
    "blank_share": "share of frames whose best token is the blank",
}
GREEDY_DEFINITION = "per with each frame's best token, where a search has decoded; compare it with per"
LANGUAGE_DEFINITION = "per over the utterances of one language alone; logged where a split has several"
METRIC_NAMES = tuple(DEFINITIONS)
Part = TypeVar("Part")
Stage = Literal["val", "test"]
STAGES: tuple[Stage, ...] = ("val", "test")
_EDITS: dict[str, CountEdits] = {"per": phoneme_edits, "cer": character_edits, "wer": word_edits}


class RatioOfSums(Metric):
    """One sum over a split divided by another, exact in float64 and summed over processes.

    The ratio is NaN if nothing was counted.
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
        """Add the sums of one batch."""
        self.numerator += numerator
        self.denominator += denominator

    def compute(self) -> Tensor:
        """Return the ratio over everything that was added."""
        self._total = self.denominator.clone()
        return self.numerator / self.denominator

    def total(self) -> Tensor:
        """Return the denominator of the last computed ratio, over all processes."""
        return self._total

    def set_dtype(self, dst_type: str | torch.dtype) -> "RatioOfSums":  # noqa: ARG002
        """Keep the sums in float64 whatever the model's precision."""
        return self


class LanguageEdits:
    """Sums of the phoneme edits of each language of a split.

    Each process sees different languages, so one collective call gathers all sums, not one call each.
    """

    def __init__(self) -> None:
        self._sums: dict[str, EditCounts] = {}

    def add(self, languages: Sequence[str | None], counts: Iterable[EditCounts]) -> None:
        """Add utterances; those without a language do not count."""
        for language, count in zip(languages, counts, strict=True):
            if language is not None:
                self._sums[language] = total_edits([self._sums.get(language, total_edits([])), count])

    def finish(self) -> dict[str, Tensor]:
        """Return the error rate of each language if there are several, and reset the sums.

        The rate of a language without reference phonemes is NaN.
        """
        parts = gather_from_processes(self._sums)
        self._sums = {}
        languages = sorted({language for part in parts for language in part})
        if len(languages) < 2:
            return {}
        totals = {
            language: total_edits(part[language] for part in parts if language in part)
            for language in languages
        }
        return {name: torch.tensor(error_rate(total), dtype=torch.float64) for name, total in totals.items()}


def gather_from_processes(part: Part) -> list[Part]:
    """Return the value of every process, in the order of their ranks."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return [part]
    parts = [part] * distributed.get_world_size()
    distributed.all_gather_object(parts, part)
    return parts


class EvaluationMetrics(nn.Module):
    """One running ratio for each stage and metric."""

    def __init__(self) -> None:
        super().__init__()
        self.ratios = nn.ModuleDict(
            {f"{stage}_{name}": RatioOfSums() for stage in STAGES for name in METRIC_NAMES}
        )
        self.greedy = RatioOfSums()  # of test utterances that a search has decoded
        self.languages: dict[Stage, LanguageEdits] = {stage: LanguageEdits() for stage in STAGES}

    def add(
        self,
        stage: Stage,
        *,
        losses: Tensor,
        blanks: tuple[int, int],
        references: Sequence[list[str]],
        hypotheses: Sequence[list[str]],
        languages: Sequence[str | None] = (),
        greedy: Sequence[list[str]] = (),
    ) -> None:
        """Add a batch: losses per utterance, (B,), blank and all frames, token sequences, languages."""
        if greedy:
            total = total_edits(map(phoneme_edits, references, greedy))
            self.greedy.update(total.errors, total.reference_length)
        self._ratio(stage, "loss").update(float(losses.double().sum()), len(losses))
        self._ratio(stage, "blank_share").update(*blanks)
        for name, count_edits in _EDITS.items():
            counts = [count_edits(*pair) for pair in zip(references, hypotheses, strict=True)]
            total = total_edits(counts)
            self._ratio(stage, name).update(total.errors, total.reference_length)
            if name == "per" and languages:
                self.languages[stage].add(languages, counts)

    def finish(self, stage: Stage) -> dict[str, Tensor]:
        """Return the metrics of the split and its number of utterances, and reset the sums."""
        metrics = {name: self._ratio(stage, name).compute() for name in METRIC_NAMES}
        # Computing a ratio gathers its sums, so this is the number of utterances in all processes.
        metrics["utterances"] = self._ratio(stage, "loss").total()
        metrics |= {f"per_{name}": rate for name, rate in self.languages[stage].finish().items()}
        for name in METRIC_NAMES:
            self._ratio(stage, name).reset()
        return metrics

    def finish_greedy(self) -> Tensor:
        """Return the greedy error rate of test utterances that a search has decoded, and reset its sums."""
        rate = self.greedy.compute()
        self.greedy.reset()
        return rate

    def _ratio(self, stage: Stage, name: str) -> RatioOfSums:
        return self.ratios[f"{stage}_{name}"]  # type: ignore[return-value]
