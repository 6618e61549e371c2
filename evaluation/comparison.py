"""Compare two experiments over their common utterances: does the second make fewer errors than the first?"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from evaluation.error_analysis import SplitAnalysis, speakers_to_draw
from evaluation.intervals import RateDifference, paired_difference, sums_by_unit
from evaluation.utterance_record import UtteranceRecord
from phonetics.confusions import phoneme_scores
from wording import number_of

UtteranceKey = tuple[str, str, str, int]


class Comparison(NamedTuple):
    """The differences between two experiments."""

    split: str
    common: int  # utterances that both evaluated, with the same reference
    others: int  # utterances that only one evaluated, or whose references differ
    first_rate: float
    second_rate: float
    difference: RateDifference | None  # of the phoneme error rate, by utterance
    by_speaker: RateDifference | None
    feature_difference: RateDifference | None
    pfer_difference: RateDifference | None
    rows: tuple[tuple[int, int], ...]  # places of the common utterances in both analyses
    is_identical: bool = False  # both recognised the same phonemes in every common utterance


def compare_analyses(first: SplitAnalysis, second: SplitAnalysis) -> Comparison:
    """Pair two analyses of a split by utterance."""
    rows = common_rows(first.records, second.records)
    ours, theirs = (np.array([pair[side] for pair in rows], dtype=np.int64) for side in (0, 1))
    before, after, lengths = first.errors[ours], second.errors[theirs], first.lengths[ours]
    total = max(1, int(lengths.sum()))
    speakers = speakers_to_draw([first.records[row] for row in ours.tolist()])
    features = first.feature_costs[ours], second.feature_costs[theirs]
    return Comparison(
        split=first.split,
        common=len(rows),
        others=len(first.records) + len(second.records) - 2 * len(rows),
        first_rate=float(before.sum()) / total,
        second_rate=float(after.sum()) / total,
        difference=paired_difference(before, after, lengths),
        by_speaker=paired_difference(*sums_by_unit(speakers, before, after, lengths)) if speakers else None,
        feature_difference=paired_difference(*features, lengths),
        pfer_difference=paired_difference(
            first.feature_distances[ours], second.feature_distances[theirs], lengths
        ),
        rows=tuple(rows),
        is_identical=bool(rows)
        and all(
            first.records[ours].hypothesis_phonemes == second.records[theirs].hypothesis_phonemes
            for ours, theirs in rows
        ),
    )


def common_rows(first: Sequence[UtteranceRecord], second: Sequence[UtteranceRecord]) -> list[tuple[int, int]]:
    """Pair the places of the utterances that both have, with the same name and the same reference."""
    places = {key: place for place, key in enumerate(utterance_keys(second))}
    pairs = [(place, places.get(key)) for place, key in enumerate(utterance_keys(first))]
    return [
        (ours, theirs)
        for ours, theirs in pairs
        if theirs is not None and first[ours].reference_phonemes == second[theirs].reference_phonemes
    ]


def utterance_keys(records: Iterable[UtteranceRecord]) -> Iterator[UtteranceKey]:
    """Identify utterances without their paths: folders move, and data sets may share names.

    Utterances that are equal in all of this are numbered in their order.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    for record in records:
        name = record.id, record.language or "", record.text or ""
        yield (*name, seen[name])
        seen[name] += 1


def conclusion(first: str, second: str, found: Comparison) -> str:
    """State in a sentence which experiment makes fewer errors."""
    if found.is_identical:
        return (
            f"{first} and {second} are identical: the same phonemes, {number_of(found.common, 'utterance')}."
        )
    return difference_in_words(first, second, found.difference)


def difference_in_words(first: str, second: str, difference: RateDifference | None) -> str:
    """State a difference in a sentence.

    >>> difference_in_words("a", "b", RateDifference(-0.01, -0.02, -0.005, 0.999, 200))
    'b makes fewer errors than a: -1.00 points (95 % interval -2.00 to -0.50).'
    >>> difference_in_words("a", "b", RateDifference(-0.01, -0.02, 0.005, 0.9, 200))
    'The difference is not significant: from a to b it is -1.00 points (95 % interval -2.00 to 0.50).'
    """
    if difference is None:
        return "They have too few utterances in common for a comparison."
    low, high = 100 * difference.low, 100 * difference.high
    points = f"{100 * difference.difference:+.2f} points (95 % interval {low:.2f} to {high:.2f})."
    if low <= 0 <= high:
        return f"The difference is not significant: from {first} to {second} it is {points}"
    return f"{second} makes {'fewer' if high < 0 else 'more'} errors than {first}: {points}"


class PhonemeChange(NamedTuple):
    """The errors in one phoneme over the common utterances, in both experiments."""

    phoneme: str
    spoken: int
    first_errors: int
    second_errors: int

    @property
    def change(self) -> int:
        """The second number of errors minus the first."""
        return self.second_errors - self.first_errors


def phoneme_changes(
    first: SplitAnalysis, second: SplitAnalysis, rows: Sequence[tuple[int, int]]
) -> list[PhonemeChange]:
    """List the phonemes whose number of errors changed, the largest changes first."""
    before, after = (
        phoneme_scores(analysis.counts_in([pair[side] for pair in rows]))
        for side, analysis in enumerate((first, second))
    )
    changes = [
        PhonemeChange(name, score.spoken, score.spoken - score.correct, again.spoken - again.correct)
        for name, score in before.items()
        if score.spoken and (again := after[name])
    ]
    return sorted((one for one in changes if one.change), key=lambda one: (-abs(one.change), one.phoneme))


def over_common(analyses: Sequence[SplitAnalysis]) -> list[SplitAnalysis]:
    """Reduce analyses of one split to the utterances that all of them evaluated."""
    first = analyses[0]
    partners = [dict(common_rows(first.records, analysis.records)) for analysis in analyses]
    shared = [place for place in range(len(first.records)) if all(place in partner for partner in partners)]
    return [
        analysis.subset([partner[place] for place in shared])
        for analysis, partner in zip(analyses, partners, strict=True)
    ]
