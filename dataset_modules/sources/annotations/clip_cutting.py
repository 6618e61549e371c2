"""Labels of a tier → clips: one for each interval, or for each interval of another tier, or phrases."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from dataset_modules.sources.annotations.audio_part import BEYOND_SECONDS
from dataset_modules.sources.annotations.contract import AnnotationTier, LabelKind, TimedLabel
from dataset_modules.sources.annotations.label_content import is_silence, is_unknown_speech
from dataset_modules.sources.annotations.options import UnknownSpeech
from dataset_modules.sources.annotations.tier_choice import ChosenTiers, role_of
from phonetics import WORD_DELIMITER

_OVERLAP_SECONDS = 0.001  # rounding of times
_LONGEST_PHRASE = 15.0  # seconds; a longer one is cut at a pause
_SHORTEST_PAUSE = 0.1
_LONG_SHARE = 0.75  # of the longest pause; those that are about as long count alike
_NO_LABEL = "no label lies inside its interval"
_MARGIN = 0.2  # seconds of a pause that a clip keeps


class CutClip(NamedTuple):
    """A clip's times and labels, in order; ``end`` None is the recording's end."""

    start: float
    end: float | None
    labels: tuple[str, ...]
    fault: str | None = None
    text: str | None = None  # of the interval that the labels lie in


class CutTier(NamedTuple):
    """The clips of a tier, and how many of its labels are left out."""

    clips: tuple[CutClip, ...]
    num_empty: int  # pauses
    num_unknown: int  # unknown speech that is cut out, or taken for pauses
    num_outside: int = 0  # of all clips


class _Span(NamedTuple):
    """The times of a clip and the labels inside."""

    start: float
    end: float | None
    labels: Sequence[TimedLabel]
    fault: str | None = None
    text: str | None = None


def cut(
    chosen: ChosenTiers,
    kind: LabelKind,
    *,
    seconds: float,
    is_one_clip: bool,
    unknown_speech: UnknownSpeech = "cut",
) -> CutTier:
    """Cut a recording by its labels; ``is_one_clip`` keeps it whole unless labels are whole utterances."""
    labels = with_faults(chosen.labels.labels, seconds)
    voiced = [label for label in labels if not is_silence(label.text)]
    spoken = _without_unknown(voiced, unknown_speech)
    num_unknown = 0 if unknown_speech == "skip" else sum(is_unknown_speech(label.text) for label in voiced)
    num_empty, num_outside = len(labels) - len(voiced), 0
    words = chosen.words.labels if chosen.words and kind == "phonemes" else ()
    starts = sorted(word.start for word in words if not is_silence(word.text))
    if chosen.clips is chosen.labels or (chosen.clips is None and not _is_divided(chosen.labels, spoken)):
        spans = [_Span(label.start, label.end, [label], label.fault) for label in spoken]
    elif chosen.clips is not None:
        intervals = with_faults(chosen.clips.labels, seconds)
        spans = list(_spans(intervals, spoken))
        num_empty = len(intervals) - len(spans)
        num_outside = len(spoken) - sum(len(span.labels) for span in spans)
    else:
        spans = [_Span(0.0, None, spoken)] if is_one_clip else list(_phrases(spoken, seconds))
    parts = (part for span in spans for part in _around_unknown(span))
    return CutTier(tuple(_clip(part, starts) for part in parts), num_empty, num_unknown, num_outside)


def _without_unknown(labels: Sequence[TimedLabel], unknown_speech: UnknownSpeech) -> list[TimedLabel]:
    """Leave out unknown speech that counts as a pause; give a fault to that which spoils its clip."""
    if unknown_speech == "pause":
        return [label for label in labels if not is_unknown_speech(label.text)]
    if unknown_speech == "cut":
        return list(labels)
    fault = "it marks speech whose phonemes are not known"
    return [
        label._replace(fault=label.fault or fault) if is_unknown_speech(label.text) else label
        for label in labels
    ]


def _around_unknown(span: _Span) -> Iterator[_Span]:
    """Divide a span at unknown speech, which belongs to no part; one with bad times spoils its clip."""
    marks = [place for place, label in enumerate(span.labels) if is_unknown_speech(label.text)]
    if not marks or span.fault or any(span.labels[place].fault for place in marks):
        yield span
        return
    start, first = span.start, 0
    for place in marks:
        mark = span.labels[place]
        if first < place:
            yield _Span(start, mark.start, span.labels[first:place])
        start, first = mark.end, place + 1
    if first < len(span.labels):
        yield _Span(start, span.end, span.labels[first:])


def _clip(span: _Span, word_starts: Sequence[float]) -> CutClip:
    fault = span.fault or _first_fault(span.labels) or (None if span.labels else _NO_LABEL)
    return CutClip(span.start, span.end, _texts(span.labels, word_starts), fault, span.text)


def with_faults(labels: Sequence[TimedLabel], seconds: float) -> list[TimedLabel]:
    """Name labels outside the recording, those whose times run backwards, and those that overlap.

    >>> [label.fault for label in with_faults([TimedLabel(1, 0, "a"), TimedLabel(2, 3, "b")], seconds=9.0)]
    ['its times run backwards, from 1.000 to 0.000 s', None]
    """
    checked: list[TimedLabel] = []
    latest = 0.0
    for label in labels:
        checked.append(label._replace(fault=label.fault or _fault_of(label, latest, seconds)))
        if not checked[-1].fault:
            latest = max(latest, label.end)
    return checked


def _fault_of(label: TimedLabel, latest: float, seconds: float) -> str | None:
    if label.end < label.start or label.start < 0:
        return f"its times run backwards, from {label.start:.3f} to {label.end:.3f} s"
    if label.end > seconds + BEYOND_SECONDS:
        return f"it ends at {label.end:.3f} s, outside the recording, which lasts {seconds:.3f} s"
    if label.start < latest - _OVERLAP_SECONDS:
        return f"it begins at {label.start:.3f} s, before the label before it ends at {latest:.3f} s"
    return None


def _is_divided(tier: AnnotationTier, spoken: Sequence[TimedLabel]) -> bool:
    """Return whether the labels are phones or words, several of which make an utterance.

    A tier of another name may be a list of words with pauses between: each is an utterance.
    """
    if role_of(tier) in ("phones", "words"):
        return True
    singles = sum(len(label.text.split()) == 1 for label in spoken)
    return 2 * singles > len(spoken) and not _is_a_list(spoken)


def _is_a_list(spoken: Sequence[TimedLabel]) -> bool:
    """Return whether most labels are intervals with a pause before the next one.

    >>> _is_a_list([TimedLabel(0, 1, "uno"), TimedLabel(2, 3, "dos")])
    True
    >>> _is_a_list([TimedLabel(0, 1, "uno"), TimedLabel(1, 2, "dos")])
    False
    """
    pairs = list(pairwise(spoken))
    apart = sum(
        earlier.start < earlier.end and later.start - earlier.end >= _SHORTEST_PAUSE
        for earlier, later in pairs
    )
    return 2 * apart > len(pairs)


def _spans(intervals: Sequence[TimedLabel], spoken: Sequence[TimedLabel]) -> Iterator[_Span]:
    """Give each interval the labels whose middle lies in it; pauses are left out.

    A label belongs to one interval, and none to one with bad times: those may all overlap.
    """
    ordered = sorted(spoken, key=lambda label: label.middle)
    middles = [label.middle for label in ordered]
    taken = 0
    for interval in (interval for interval in intervals if not is_silence(interval.text)):
        inside: Sequence[TimedLabel] = ()
        if not interval.fault:
            first = max(taken, bisect_left(middles, interval.start))
            taken = max(first, bisect_right(middles, interval.end))
            inside = ordered[first:taken]
        yield _Span(interval.start, interval.end, inside, interval.fault, interval.text)


def _first_fault(labels: Sequence[TimedLabel]) -> str | None:
    return next((f"label {label.text!r}: {label.fault}" for label in labels if label.fault), None)


def _texts(labels: Sequence[TimedLabel], word_starts: Sequence[float]) -> tuple[str, ...]:
    """Return the labels, with a delimiter between those of different words."""
    texts: list[str] = []
    words = [bisect_right(word_starts, label.middle) for label in labels]
    for place, label in enumerate(labels):
        if place and words[place] != words[place - 1]:
            texts.append(WORD_DELIMITER)
        texts.append(label.text)
    return tuple(texts)


def _phrases(spoken: Sequence[TimedLabel], seconds: float) -> Iterator[_Span]:
    """Yield clips between pauses; half of a pause belongs to each side, up to a margin."""
    groups = list(_divided(_in_order(spoken, seconds + BEYOND_SECONDS)))
    ends = [0.0, *(group[-1].end for group in groups)]
    starts = [*(group[0].start for group in groups), max(seconds, ends[-1])]
    for place, group in enumerate(groups):
        start = max(starts[place] - _MARGIN, (ends[place] + starts[place]) / 2 if place else 0.0)
        end, after = ends[place + 1], starts[place + 1]
        end = min(end + _MARGIN, (end + after) / 2 if place + 1 < len(groups) else after)
        yield _Span(start, end, group)


def _in_order(labels: Sequence[TimedLabel], latest: float) -> list[TimedLabel]:
    """Order labels by their start, with times within the recording, also where these were bad.

    Among others a division could part off one label after another, and look at all the rest each time.
    """
    placed = []
    for label in labels:
        start = min(max(0.0, label.start), latest)
        placed.append(label._replace(start=start, end=min(max(start, label.end), latest)))
    return sorted(placed, key=lambda label: label.start)


def _divided(labels: list[TimedLabel]) -> Iterator[list[TimedLabel]]:
    """Divide labels at a long pause near their middle until no phrase is too long, or it has no pause."""
    waiting = [labels] if labels else []
    while waiting:
        group = waiting.pop(0)
        pauses = [later.start - earlier.end for earlier, later in pairwise(group)]
        longest = max(pauses, default=0.0)
        if group[-1].end - group[0].start <= _LONGEST_PHRASE or longest < _SHORTEST_PAUSE:
            yield group
            continue
        middle = (group[0].start + group[-1].end) / 2
        long_ones = [place for place, pause in enumerate(pauses) if pause >= _LONG_SHARE * longest]
        place = 1 + min(long_ones, key=lambda place: abs(group[place].end - middle))
        waiting[:0] = [group[:place], group[place:]]
