"""What a data set found as labels: their kinds, examples, and what was left out without being a fault."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from dataset_modules.sources.annotations.contract import (
    AnnotatedFile,
    AnnotationTier,
    LabelKind,
    LabelledSegment,
)
from dataset_modules.sources.annotations.options import tier_name
from dataset_modules.sources.annotations.tier_choice import ChosenTiers

NUM_EXAMPLES = 3
_LONGEST_EXAMPLE = 70  # characters
_NAMED = 5  # tiers of one use


@dataclass
class LabelSummary:
    """Counts of labels by kind and source, with examples."""

    kinds: Counter[str] = field(default_factory=Counter)  # such as "phonemes of .TextGrid" → recordings
    examples: list[str] = field(default_factory=list)
    num_unknown: int = 0  # labels of unknown speech that are cut out, or taken for pauses
    num_empty: int = 0  # intervals without a label: pauses
    num_outside: int = 0  # labels outside of the intervals that cut clips
    num_overlapping: int = 0  # clips during which another speaker has a label, too
    num_other_lengths: int = 0  # label files that state another length than their recording has
    num_other_languages: int = 0  # rows of another language than the data set's
    tiers: dict[str, Counter[str]] = field(default_factory=dict)  # use → name without the speaker → files
    recording_seconds: float = 0.0  # of the recordings that are cut
    clip_seconds: float = 0.0  # of the clips that are cut out of them

    def add(self, name: str, source: str, segment: LabelledSegment) -> None:
        """Count a recording, and keep the first few as examples."""
        kind = "phonemes" if segment.phonemes else "text" if segment.text else "no labels"
        self.kinds[kind if kind == "no labels" else f"{kind} of {source}"] += 1
        if segment.fault or len(self.examples) >= NUM_EXAMPLES:
            return
        if label := " ".join(segment.phonemes or ()) or segment.text:
            until = "the end" if segment.end is None else f"{segment.end:.2f}"
            times = "" if segment.is_whole else f" ({segment.start:.2f} to {until} s)"
            self.examples.append(f"{name}{times}: {label[:_LONGEST_EXAMPLE]}")

    def add_tiers(self, file: AnnotatedFile, chosen: Sequence[ChosenTiers], kind: LabelKind) -> None:
        """Count the tiers of a label file by their use."""
        words = [one.words for one in chosen] if kind == "phonemes" else []
        uses: dict[str, Sequence[AnnotationTier | None]] = {
            kind: [one.labels for one in chosen],
            "words": words,
            "clips": [one.clips for one in chosen if one.clips is not one.labels],
        }
        used = {use: {tier_name(tier).base for tier in tiers if tier} for use, tiers in uses.items()}
        rest = {tier_name(tier).base for tier in file.tiers if tier.labels} - set().union(*used.values())
        for use, names in (*used.items(), ("not used", rest)):
            self.tiers.setdefault(use, Counter()).update(names)

    def tiers_in_words(self) -> str:
        """Describe which tiers are used for what; "" where no label file has tiers.

        >>> LabelSummary(tiers={"text": Counter(frases=3), "not used": Counter(notas=1)}).tiers_in_words()
        'text: frases; not used: notas'
        """
        named = {use: ", ".join(name for name, _ in of.most_common(_NAMED)) for use, of in self.tiers.items()}
        return "; ".join(f"{use}: {names}" for use, names in named.items() if names)

    def notes(self) -> list[str]:
        """Describe what was left out or is unusual."""
        counts = {
            "labels of unknown speech (spn, <unk>, …), left out": self.num_unknown,
            "empty intervals (pauses), left out": self.num_empty,
            "labels outside of the intervals that cut clips": self.num_outside,
            "clips that overlap with the labels of another speaker": self.num_overlapping,
            "label files that state another length than their recordings have": self.num_other_lengths,
            "rows of another language, left out": self.num_other_languages,
        }
        return [f"{what}: {count:,}" for what, count in counts.items() if count]
