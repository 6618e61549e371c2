"""Two experiments over the utterances they have in common: does the second beat the first?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.error_analysis import SplitAnalysis
from evaluation.intervals import FEWEST_UNITS, Difference, by_unit, paired_difference
from evaluation.utterance_record import UtteranceRecord
from phonetics import Heard

Key = tuple[str, str, str, int]


class Comparison(NamedTuple):
    """What changes from one experiment to another."""

    split: str
    common: int  # utterances that both judged, with the same reference
    others: int  # utterances that only one judged, or whose references differ
    first_rate: float
    second_rate: float
    difference: Difference | None  # of the phoneme error rate, by utterance
    by_speaker: Difference | None
    feature_difference: Difference | None
    rows: tuple[tuple[int, int], ...]  # places of the common utterances in both analyses


def compare(first: SplitAnalysis, second: SplitAnalysis) -> Comparison:
    """Pair two analyses of a split by utterance."""
    rows = common_rows(first.records, second.records)
    ours, theirs = (np.array([pair[side] for pair in rows], dtype=np.int64) for side in (0, 1))
    before, after, lengths = first.errors[ours], second.errors[theirs], first.lengths[ours]
    total = max(1, int(lengths.sum()))
    return Comparison(
        split=first.split,
        common=len(rows),
        others=len(first.records) + len(second.records) - 2 * len(rows),
        first_rate=float(before.sum()) / total,
        second_rate=float(after.sum()) / total,
        difference=paired_difference(before, after, lengths),
        by_speaker=_by_speaker([first.records[row] for row in ours.tolist()], before, after, lengths),
        feature_difference=paired_difference(
            first.feature_costs[ours], second.feature_costs[theirs], lengths
        ),
        rows=tuple(rows),
    )


def common_rows(first: Sequence[UtteranceRecord], second: Sequence[UtteranceRecord]) -> list[tuple[int, int]]:
    """Places of the utterances that both have, by what they are called and what was said in them."""
    places = {key: place for place, key in enumerate(_keys(second))}
    pairs = [(place, places.get(key)) for place, key in enumerate(_keys(first))]
    return [
        (ours, theirs)
        for ours, theirs in pairs
        if theirs is not None and first[ours].spoken == second[theirs].spoken
    ]


def _keys(records: Sequence[UtteranceRecord]) -> Iterator[Key]:
    """The folder may have moved; data sets of several languages may use the same names.

    Utterances that all this says the same of are told apart by their order.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    for record in records:
        name = record.id, record.language or "", record.text or ""
        yield (*name, seen[name])
        seen[name] += 1


def _by_speaker(
    records: Sequence[UtteranceRecord],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> Difference | None:
    """None unless all speakers are known and there are enough of them."""
    speakers = [record.speaker for record in records if record.speaker]
    if len(speakers) < len(records) or len(set(speakers)) < FEWEST_UNITS:
        return None
    return paired_difference(*by_unit(speakers, before, after, lengths))


def verdict(first: str, second: str, difference: Difference | None) -> str:
    """In a sentence, which is the better one.

    >>> verdict("a", "b", Difference(-0.01, -0.02, -0.005, 0.999, 200))
    'b makes fewer errors than a: -1.00 points (95 % interval -2.00 to -0.50).'
    >>> verdict("a", "b", Difference(-0.01, -0.02, 0.005, 0.9, 200))
    'No difference is certain: b makes -1.00 points of errors (95 % interval -2.00 to 0.50) against a.'
    """
    if difference is None:
        return "They have too few utterances in common to be compared."
    reach = f"95 % interval {100 * difference.low:.2f} to {100 * difference.high:.2f}"
    points = f"{100 * difference.difference:+.2f} points"
    if difference.high < 0:
        return f"{second} makes fewer errors than {first}: {points} ({reach})."
    if difference.low > 0:
        return f"{second} makes more errors than {first}: {points} ({reach})."
    return f"No difference is certain: {second} makes {points} of errors ({reach}) against {first}."


class PhonemeChange(NamedTuple):
    """How the errors of one phoneme changed over the common utterances."""

    phoneme: str
    spoken: int
    first_errors: int
    second_errors: int


def phoneme_changes(
    first: SplitAnalysis, second: SplitAnalysis, rows: Sequence[tuple[int, int]]
) -> list[PhonemeChange]:
    """Phonemes whose number of errors changed, the largest changes first."""
    before = _counts(first, [pair[0] for pair in rows])
    after = _counts(second, [pair[1] for pair in rows])
    changes = []
    for phoneme in dict.fromkeys(name for name, _ in [*before, *after] if name is not None):
        spoken, missed = _spoken_and_missed(before, phoneme)
        _, missed_after = _spoken_and_missed(after, phoneme)
        if missed != missed_after:
            changes.append(PhonemeChange(phoneme, spoken, missed, missed_after))
    return sorted(changes, key=lambda own: (-abs(own.second_errors - own.first_errors), own.phoneme))


def _counts(analysis: SplitAnalysis, places: Sequence[int]) -> Counter[Heard]:
    counts: Counter[Heard] = Counter()
    for place in places:
        counts.update(analysis.heard_in(place))
    return counts


def _spoken_and_missed(counts: Counter[Heard], phoneme: str) -> tuple[int, int]:
    spoken = sum(count for (reference, _), count in counts.items() if reference == phoneme)
    return spoken, spoken - counts[phoneme, phoneme]


def over_common(analyses: Sequence[SplitAnalysis]) -> list[SplitAnalysis]:
    """The analyses of one split, cut down to the utterances that all of them judged."""
    first = analyses[0]
    partners = [dict(common_rows(first.records, own.records)) for own in analyses]
    shared = [place for place in range(len(first.records)) if all(place in own for own in partners)]
    return [
        own.chosen([partner[place] for place in shared])
        for own, partner in zip(analyses, partners, strict=True)
    ]
