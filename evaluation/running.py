"""The figures of a split, summed batch by batch and computed once at its end."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from evaluation.language_edits import LanguageEdits
from evaluation.metrics import RatioOfSums, add_edits, character_edits, phoneme_edits, word_edits

Stage = Literal["val", "test"]
STAGES: tuple[Stage, ...] = ("val", "test")
FIGURES = ("loss", "per", "cer", "wer", "blank_share")
_EDITS = {"per": phoneme_edits, "cer": character_edits, "wer": word_edits}


class EvaluationMetrics(nn.Module):
    """One running ratio for each stage and figure."""

    def __init__(self) -> None:
        super().__init__()
        self.ratios = nn.ModuleDict(
            {f"{stage}_{name}": RatioOfSums() for stage in STAGES for name in FIGURES}
        )
        self.languages: dict[Stage, LanguageEdits] = {stage: LanguageEdits() for stage in STAGES}

    def add(
        self,
        stage: Stage,
        *,
        losses: Tensor,
        blanks: tuple[int, int],
        references: Sequence[list[str]],
        hypotheses: Sequence[list[str]],
        delimiter: str | None,
        languages: Sequence[str | None] = (),
    ) -> None:
        """Add a batch: losses per utterance, (B,), blank and all frames, both token sequences, languages."""
        self._ratio(stage, "loss").update(float(losses.double().sum()), len(losses))
        self._ratio(stage, "blank_share").update(*blanks)
        for name, count_edits in _EDITS.items():
            pairs = zip(references, hypotheses, strict=True)
            counts = [count_edits(*pair, delimiter) for pair in pairs]
            add_edits(self._ratio(stage, name), counts)
            if name == "per" and languages:
                self.languages[stage].add(languages, counts)

    def finish(self, stage: Stage) -> dict[str, Tensor]:
        """The figures of the split and how many utterances they are over; then start anew."""
        figures = {name: self._ratio(stage, name).compute() for name in FIGURES}
        figures["utterances"] = self._count(stage)
        by_language = self.languages[stage].finish()
        figures |= {f"per_{language}": rate for language, rate in by_language.items()}
        for name in FIGURES:
            self._ratio(stage, name).reset()
        return figures

    def _count(self, stage: Stage) -> Tensor:
        """Utterances over all processes; every sum was gathered when its ratio was computed."""
        counter = self._ratio(stage, "loss")
        return counter.total()

    def _ratio(self, stage: Stage, name: str) -> RatioOfSums:
        return self.ratios[f"{stage}_{name}"]  # type: ignore[return-value]
