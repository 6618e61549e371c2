"""The errors of a split: one alignment per utterance, and all figures that follow from it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import FEWEST_UNITS, Interval, by_unit, rate_interval
from evaluation.utterance_record import UtteranceRecord
from phonetics import Aligned, Heard, Inventory, align, heard_pairs

FEATURE_DEFINITION = (
    "feature error rate: 100 · Σ cost of edits / Σ reference phonemes, over the alignments that the phoneme "
    "error rate is counted by (the fewest edits; among equals the cheapest in features). A deletion or an "
    "insertion costs 1, a substitution the weighted share of articulatory features that differ, "
    "Σ w·|a − b| / (2·Σ w), features a, b in −1, 0, 1 and weights w as panphon has them; of phonemes of "
    "several segments (affricates, diphthongs) the cheapest edits between segments over the larger number of "
    "these. A phoneme that panphon does not know costs 1. Rates by other formulas are on other scales"
)


@dataclass(frozen=True)
class SplitAnalysis:
    """A split's utterances with their alignments."""

    split: str
    records: Sequence[UtteranceRecord]
    inventory: Inventory
    aligned: Sequence[Aligned]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Reference phonemes of each utterance, (U,)."""
        return np.array([len(record.spoken) for record in self.records], dtype=np.int64)

    @cached_property
    def errors(self) -> NDArray[np.int64]:
        """Edits of each utterance, (U,)."""
        return np.array([one.errors for one in self.aligned], dtype=np.int64)

    @cached_property
    def feature_costs(self) -> NDArray[np.float64]:
        """Feature cost of each utterance's edits, (U,)."""
        return np.array([one.feature_cost for one in self.aligned])

    @cached_property
    def counts(self) -> Counter[Heard]:
        """What was heard for what, how often."""
        counts: Counter[Heard] = Counter()
        for place in range(len(self.records)):
            counts.update(self.heard_in(place))
        return counts

    def heard_in(self, place: int) -> list[Heard]:
        """What was heard for what in one utterance."""
        record = self.records[place]
        return heard_pairs(record.spoken, record.heard, self.aligned[place].pairs)

    def chosen(self, places: Sequence[int]) -> "SplitAnalysis":
        """The same over some of the utterances."""
        records = [self.records[place] for place in places]
        return SplitAnalysis(self.split, records, self.inventory, [self.aligned[place] for place in places])

    @property
    def edits(self) -> dict[str, int]:
        """Substitutions, deletions and insertions of the split."""
        return {
            "substitutions": sum(one.substitutions for one in self.aligned),
            "deletions": sum(one.deletions for one in self.aligned),
            "insertions": sum(one.insertions for one in self.aligned),
        }

    @property
    def phonemes(self) -> int:
        """Reference phonemes of the split."""
        return int(self.lengths.sum())

    @property
    def feature_error_rate(self) -> float:
        """See ``FEATURE_DEFINITION``; as a share. NaN where there is no phoneme."""
        return float(self.feature_costs.sum()) / self.phonemes if self.phonemes else float("nan")

    @property
    def without_features(self) -> Counter[str]:
        """Phonemes that panphon does not know, and how often they were spoken or heard."""
        names = set(self.inventory.without_features)
        return Counter(
            {
                name: sum(count for pair, count in self.counts.items() if name in pair)
                for name in sorted(names)
            }
        )

    @property
    def speakers(self) -> set[str]:
        """Those that are known."""
        return {record.speaker for record in self.records if record.speaker}

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """Of ``per`` and ``feature_error_rate``, and of ``per_by_speaker`` where speakers allow."""
        found = {
            "per": rate_interval(self.errors, self.lengths),
            "feature_error_rate": rate_interval(self.feature_costs, self.lengths),
            "per_by_speaker": self._by_speaker(),
        }
        return {name: interval for name, interval in found.items() if interval is not None}

    def _by_speaker(self) -> Interval | None:
        """None unless all speakers are known and there are enough of them."""
        names = [record.speaker for record in self.records if record.speaker]
        if len(names) < len(self.records) or len(self.speakers) < FEWEST_UNITS:
            return None
        return rate_interval(*by_unit(names, self.errors, self.lengths))


def analyse(split: str, records: Sequence[UtteranceRecord]) -> SplitAnalysis:
    """Align every utterance of a split."""
    phonemes = dict.fromkeys(phoneme for record in records for phoneme in (*record.spoken, *record.heard))
    inventory = Inventory(list(phonemes))
    aligned = [align(record.spoken, record.heard, inventory) for record in records]
    return SplitAnalysis(split, records, inventory, aligned)
