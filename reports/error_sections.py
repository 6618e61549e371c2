"""The sections about errors: results with intervals, confusions, phonemes, slices."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evaluation.error_analysis import SplitAnalysis
from evaluation.intervals import FEWEST_UNITS, RateInterval
from evaluation.signal_to_noise import SNR_DEFINITION
from evaluation.slices import Breakdown, breakdowns
from phonetics.confusions import Confusion, most_frequent, phoneme_scores
from reports import html
from reports.confusion_matrix import confusion_matrix
from reports.html import Html, element
from wording import number_of

_CONFUSIONS, _LISTED = 15, 60
_WIDTH, _HEIGHT, _MARGIN = 180, 18, 4  # of a whisker
_FEW_ERRORS = 10  # utterances with errors, below which an interval is rough


def percent(share: float | None, digits: int = 2) -> str:
    r"""Format a share in per cent.

    >>> percent(0.04691), percent(None)
    ('4.69\xa0%', '–')
    """
    return "–" if share is None or share != share else f"{100 * share:.{digits}f}\u00a0%"


def span(interval: RateInterval | None) -> str:
    """Format both ends of an interval."""
    return f"{100 * interval.low:.2f} to {100 * interval.high:.2f}\u00a0%" if interval else "–"


def in_points(difference: float) -> str:
    """Format a difference of shares in percentage points; none has no sign."""
    return f"{100 * difference:+.2f}" if difference else "0"


def result_numbers(analysis: SplitAnalysis) -> Html:
    """Show the main metrics of a split."""
    intervals = analysis.intervals
    minutes = sum(record.seconds for record in analysis.records) / 60
    rates = [
        ("phoneme error rate", analysis.phoneme_error_rate, "per"),
        ("feature error rate", analysis.feature_error_rate, "feature_error_rate"),
    ]
    if analysis.raw_per is not None:  # of another model
        rates += [("raw PER", analysis.raw_per, "raw_per"), ("PFER", analysis.pfer, "pfer")]
    size = f"{number_of(analysis.phonemes, 'phoneme')}, {minutes:.1f}\N{NO-BREAK SPACE}min"
    return html.key_metrics(
        *(
            html.KeyMetric(name, percent(rate), f"95 %: {span(intervals.get(key))}")
            for name, rate, key in rates
        ),
        *(
            html.KeyMetric(name, percent(count / max(1, analysis.phonemes)), number_of(count, "phoneme"))
            for name, count in analysis.edits.items()
        ),
        html.KeyMetric("utterances", f"{len(analysis.records):,}", size),
    )


def search_note(greedy_rate: float | None) -> Html:
    """State that a search has decoded the test split, and the rate without it; empty where none has."""
    if greedy_rate is None:
        return Html("")
    return html.paragraph(
        "A beam search has decoded the test split, with the language model that the configuration states, if "
        f"any. Without the search the phoneme error rate is {percent(greedy_rate)}. Validation data are "
        "decoded without it."
    )


def detection_sections(found: Mapping[str, Mapping[str, Any]]) -> Iterator[html.Section]:
    """Show for each split with annotated errors of pronunciation how well scores find them."""
    for split, metrics in found.items():
        rows = [
            [name, metric.get("value"), _ends(metric.get("by_utterance")), _ends(metric.get("by_speaker"))]
            for name, metric in metrics.items()
            if isinstance(metric, dict)
        ]
        counts = f"{metrics.get('phonemes', 0):,} expected phonemes, {metrics.get('wrong', 0):,} wrong"
        yield html.section(
            f"Errors of pronunciation, {split}",
            html.paragraph(
                f"{counts}. The phoneme error rate compares with what was said; these metrics state how well "
                "scores of the expected phonemes find those that were said wrongly."
            ),
            html.table(["metric", "value", "95 % by utterance", "95 % by speaker"], rows),
        )


def _ends(interval: Mapping[str, float] | None) -> str:
    low, high = (interval or {}).get("low"), (interval or {}).get("high")
    return "–" if low is None or high is None else f"{low:.4f} to {high:.4f}"


def interval_notes(analysis: SplitAnalysis) -> Iterator[Html]:
    """Explain the intervals and their limits."""
    if by_speaker := analysis.intervals.get("per_by_speaker"):
        yield html.paragraph(
            f"With other sentences of these speakers, expect rates within the intervals above. With other "
            f"speakers, expect {span(by_speaker)} (computed from {number_of(by_speaker.units, 'speaker')})."
        )
    elif analysis.speakers:
        yield html.paragraph(
            "With other sentences of these speakers, expect rates within the intervals. With other speakers, "
            f"rates may lie outside: {number_of(len(analysis.speakers), 'speaker')} cannot show how much "
            f"speakers differ, {FEWEST_UNITS} could."
        )
    with_errors = int((analysis.errors > 0).sum())
    if "per" not in analysis.intervals:
        yield html.paragraph(
            f"The rate is uncertain: an interval needs {FEWEST_UNITS} utterances, there "
            f"{'is' if len(analysis.records) == 1 else 'are'} {len(analysis.records)}."
        )
    elif with_errors < _FEW_ERRORS:
        yield html.note(f"The intervals are rough, because few utterances have errors: {with_errors}.")
    if unknown := analysis.without_features:
        listed = ", ".join(f"{name} ({count}×)" for name, count in unknown.most_common())
        yield html.note(f"Phonemes without articulatory features (each edit costs 1): {listed}.")


def confusion_section(analysis: SplitAnalysis) -> html.Section:
    """Show which phonemes were recognised as which."""
    errors = most_frequent(analysis.counts)
    if not errors:
        return html.section("Confusions", html.paragraph("Every phoneme was recognised correctly."))
    return html.section(
        "Confusions",
        html.paragraph(f"Counted over the alignments of the {analysis.split} split."),
        html.heading("The most frequent errors"),
        html.bullets([_in_words(error) for error in errors[:_CONFUSIONS]]),
        confusion_matrix(analysis),
        html.details("Precision and recall of every phoneme", _phoneme_table(analysis)),
        html.details(
            f"All {len(errors)} kinds of errors"
            if len(errors) <= _LISTED
            else f"The {_LISTED} most frequent of {len(errors)} kinds of errors",
            _error_table(errors[:_LISTED]),
        ),
    )


def _in_words(error: Confusion) -> Html:
    share = f" ({percent(error.times / max(1, error.out_of), 1)})" if error.reference is not None else ""
    return element("span", error.in_words(), element("small", share))


def _phoneme_table(analysis: SplitAnalysis) -> Html:
    scores = phoneme_scores(analysis.counts)
    worst = {
        error.reference: error.hypothesis or "left out"
        for error in reversed(most_frequent(analysis.counts))
        if error.reference is not None
    }
    rows = [
        [
            name,
            score.spoken,
            score.recognised,
            score.correct,
            *(None if share is None else round(100 * share, 1) for share in (score.recall, score.precision)),
            worst.get(name, ""),
            analysis.inventory.manner_of(name),
        ]
        for name in analysis.inventory.by_articulation()
        for score in [scores[name]]
    ]
    headers = ["phoneme", "in references", "in hypotheses", "correct", "recall %", "precision %"]
    return html.table([*headers, "when wrong, most often", "manner"], rows)


def _error_table(errors: Sequence[Confusion]) -> Html:
    rows = [
        [
            error.reference or "–",
            error.hypothesis or "–",
            error.times,
            round(100 * error.times / max(1, error.out_of), 2),
        ]
        for error in errors
    ]
    return html.table(["reference", "hypothesis", "times", "% of the reference phoneme"], rows)


def slice_section(analysis: SplitAnalysis) -> html.Section | None:
    """Show the phoneme error rate by properties of the utterances."""
    made, overall = breakdowns(analysis), analysis.phoneme_error_rate
    if not made or overall != overall:
        return None
    slices = [one for breakdown in made for one in breakdown.slices]
    ends = [one.interval.high if one.interval else one.rate for one in slices]
    highest = max((end for end in ends if end == end), default=0.0)
    scale = min(highest, max(4 * overall, 0.02)) or 1.0
    names = {one.column for one in made}
    return html.section(
        "Slices",
        html.paragraph(
            f"Phoneme error rate of parts of the {analysis.split} split, with 95 % intervals by utterance. "
            f"The thin line marks the rate of the whole split, {percent(overall)}; the scales end at "
            f"{percent(scale, 1)}. Among many slices, one interval in twenty misses this rate by chance."
        ),
        element("div", [_cut(one, overall, scale) for one in made], class_="slices"),
        html.note(f"Signal to noise: {SNR_DEFINITION}.") if "signal to noise" in names else "",
    )


def _cut(breakdown: Breakdown, overall: float, scale: float) -> Html:
    rows = [
        [
            one.value,
            percent(one.rate),
            _whisker(one.rate, one.interval, overall, scale),
            span(one.interval),
            one.utterances,
            one.phonemes,
        ]
        for one in breakdown.slices
    ]
    column = breakdown.column.replace("_", " ")
    headers = [column, "PER", "", "95 % interval", "utterances", "phonemes"]
    return html.heading(f"By {column}") + html.table(headers, rows)


def _whisker(rate: float, interval: RateInterval | None, overall: float, scale: float) -> Html:
    """Draw a dot on a line between the ends of the interval; an arrow marks an end beyond the scale."""
    if rate != rate:
        return Html("")
    middle = _HEIGHT / 2
    shapes = [
        element("line", x1=_x(overall, scale), x2=_x(overall, scale), y1=1, y2=_HEIGHT - 1, class_="whole")
    ]
    if interval is not None:
        low, high = _x(interval.low, scale), _x(interval.high, scale)
        shapes.append(element("line", x1=low, x2=high, y1=middle, y2=middle, class_="reach"))
        if interval.high > scale:
            shapes.append(element("path", d=f"M{high - 5} {middle - 4}l5 4l-5 4", class_="reach"))
    shapes.append(element("circle", cx=_x(rate, scale), cy=middle, r=3.5))
    words = f"{100 * rate:.2f} %" + (
        f", interval {100 * interval.low:.2f} to {100 * interval.high:.2f} %" if interval else ""
    )
    return html.svg(shapes, _WIDTH, _HEIGHT, class_="whisker", role="img", aria_label=words)


def _x(rate: float, scale: float) -> float:
    share = min(max(rate / scale, 0.0), 1.0)
    return round(_MARGIN + share * (_WIDTH - 2 * _MARGIN), 1)
