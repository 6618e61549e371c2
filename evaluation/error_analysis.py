"""Align every utterance of a split once; counts, rates and intervals all follow from these alignments."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evaluation.error_counts import phoneme_edits
from evaluation.intervals import FEWEST_UNITS, RateInterval, rate_interval, sums_by_unit
from evaluation.utterance_record import UtteranceRecord
from phonetics.alignment import Aligned, align
from phonetics.articulation import PhonemeInventory, is_ipa, numbered_names
from phonetics.confusions import PhonemePair, phoneme_pairs
from phonetics.feature_distance import feature_edit_distance

FEATURE_DEFINITION = (
    "feature error rate: 100 · Σ cost of edits / Σ reference phonemes, over the alignments of the phoneme "
    "error rate (the fewest edits and, among equals, the lowest feature cost). A deletion or an insertion "
    "costs 1, a substitution the weighted share of articulatory features that differ, "
    "Σ w·|a − b| / (2·Σ w), with features a, b in −1, 0, 1 and the weights w of panphon. Phonemes of "
    "several segments (affricates, diphthongs) cost the cheapest edits between segments over the larger "
    "number of segments. A phoneme that panphon does not know costs 1. Other formulas give other scales"
)


PFER_DEFINITION = (
    "PFER: 100 · Σ feature edit distance / Σ reference phonemes, as PhoneticXeus and others publish it. The "
    "distance is that of panphon's feature_edit_distance: all features count alike, it takes the cheapest "
    "alignment, and a deletion or an insertion costs the specified features of the segment. It is computed "
    "over a model's own symbols where they are IPA, and else over the phonemes that they were mapped to"
)
RAW_DEFINITION = (
    "phoneme error rate of a model's own symbols, before they were mapped: only equal spellings match"
)


@dataclass(frozen=True)
class SplitAnalysis:
    """The utterances of a split with their alignments."""

    split: str
    records: Sequence[UtteranceRecord]
    inventory: PhonemeInventory
    aligned: Sequence[Aligned]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Number of reference phonemes of each utterance, (U,)."""
        return np.array([len(record.reference_phonemes) for record in self.records], dtype=np.int64)

    @cached_property
    def errors(self) -> NDArray[np.int64]:
        """Number of edits of each utterance, (U,)."""
        return np.array([one.errors for one in self.aligned], dtype=np.int64)

    @cached_property
    def feature_costs(self) -> NDArray[np.float64]:
        """Feature cost of the edits of each utterance, (U,)."""
        return np.array([one.feature_cost for one in self.aligned])

    @cached_property
    def counts(self) -> Counter[PhonemePair]:
        """How often each phoneme was recognised as which, over the split."""
        return self.counts_in(range(len(self.records)))

    @property
    def recognises_nothing(self) -> bool:
        """Whether no utterance has a recognised phoneme: every frame's best token is the blank."""
        return bool(self.records) and not any(record.hypothesis_phonemes for record in self.records)

    def counts_in(self, places: Sequence[int]) -> Counter[PhonemePair]:
        """Count how often each phoneme was recognised as which, over some of the utterances."""
        counts: Counter[PhonemePair] = Counter()
        for place in places:
            record = self.records[place]
            pairs = self.aligned[place].pairs
            counts.update(phoneme_pairs(record.reference_phonemes, record.hypothesis_phonemes, pairs))
        return counts

    def subset(self, places: Sequence[int]) -> "SplitAnalysis":
        """Return the analysis of some of the utterances."""
        records = [self.records[place] for place in places]
        return SplitAnalysis(self.split, records, self.inventory, [self.aligned[place] for place in places])

    @property
    def edits(self) -> dict[str, int]:
        """Number of edits of each kind."""
        return {
            kind: sum(getattr(one, kind) for one in self.aligned)
            for kind in ("substitutions", "deletions", "insertions")
        }

    @property
    def phonemes(self) -> int:
        """Number of reference phonemes of the split."""
        return int(self.lengths.sum())

    @property
    def phoneme_error_rate(self) -> float:
        """Edits over reference phonemes; NaN if there is no phoneme."""
        return float(self.errors.sum()) / self.phonemes if self.phonemes else float("nan")

    @property
    def feature_error_rate(self) -> float:
        """The rate of ``FEATURE_DEFINITION`` as a share; NaN if there is no phoneme."""
        return float(self.feature_costs.sum()) / self.phonemes if self.phonemes else float("nan")

    @cached_property
    def feature_distances(self) -> NDArray[np.float64]:
        """Feature edit distance of each utterance, (U,), of ``PFER_DEFINITION``."""
        raw = {symbol for record in self.records for symbol in record.raw_hypothesis or ()}
        in_ipa, numbered = is_ipa(raw), numbered_names(raw)
        found = [one.own_symbols if in_ipa else one.hypothesis_phonemes for one in self.records]
        return np.array(
            [
                feature_edit_distance(
                    one.reference_phonemes, [symbol for symbol in symbols if symbol not in numbered]
                )
                for one, symbols in zip(self.records, found, strict=True)
            ]
        )

    @property
    def pfer(self) -> float:
        """The rate of ``PFER_DEFINITION`` as a share; NaN if there is no phoneme."""
        return float(self.feature_distances.sum()) / self.phonemes if self.phonemes else float("nan")

    @cached_property
    def raw_errors(self) -> NDArray[np.int64] | None:
        """Number of edits of each utterance before symbols were mapped, (U,); None if none were."""
        if not any(record.raw_hypothesis is not None for record in self.records):
            return None
        counts = [phoneme_edits(one.reference, one.own_symbols).errors for one in self.records]
        return np.array(counts, dtype=np.int64)

    @property
    def raw_per(self) -> float | None:
        """The rate of ``RAW_DEFINITION``; None if no symbols were mapped."""
        return None if self.raw_errors is None else float(self.raw_errors.sum()) / max(1, self.phonemes)

    @property
    def without_features(self) -> Counter[str]:
        """Phonemes that panphon does not know, with the number of aligned pairs that hold them."""
        return Counter(
            {
                name: sum(count for pair, count in self.counts.items() if name in pair)
                for name in sorted(self.inventory.without_features)
            }
        )

    @property
    def speakers(self) -> set[str]:
        """The known speakers."""
        return {record.speaker for record in self.records if record.speaker}

    @cached_property
    def intervals(self) -> dict[str, RateInterval]:
        """Intervals of all rates, with ``per_by_speaker`` if speakers allow."""
        found = {
            "per": rate_interval(self.errors, self.lengths),
            "feature_error_rate": rate_interval(self.feature_costs, self.lengths),
        }
        found["pfer"] = rate_interval(self.feature_distances, self.lengths)
        if self.raw_errors is not None:
            found["raw_per"] = rate_interval(self.raw_errors, self.lengths)
        if names := speakers_to_draw(self.records):
            found["per_by_speaker"] = rate_interval(*sums_by_unit(names, self.errors, self.lengths))
        return {name: interval for name, interval in found.items() if interval is not None}


def speakers_to_draw(records: Sequence[UtteranceRecord]) -> list[str] | None:
    """Return the speaker of each utterance; None unless all are known and enough of them differ."""
    names = [record.speaker for record in records if record.speaker]
    return names if len(names) == len(records) and len(set(names)) >= FEWEST_UNITS else None


def analyse(split: str, records: Sequence[UtteranceRecord]) -> SplitAnalysis:
    """Align every utterance of a split."""
    pairs = [(record.reference_phonemes, record.hypothesis_phonemes) for record in records]
    inventory = PhonemeInventory(
        list(dict.fromkeys(name for pair in pairs for side in pair for name in side))
    )
    return SplitAnalysis(split, records, inventory, [align(*pair, inventory) for pair in pairs])
