"""Pictures of a survey: lengths, levels, speeds, phonemes."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from doctor.clip_measures import decibels
from doctor.findings.finding import listed
from doctor.survey import SplitSurvey, Survey
from reports import html
from reports.html import Html
from reports.pictures import COLOURS, INK, canvas, histogram, inline_svg

_BINS = 40
_INCHES_PER_PHONEME = 0.19
_MOST_ROOM = 20.0
_NAMED = 12  # phonemes in a caption
_OUTSIDE = COLOURS[1]


def clip_histograms(survey: Survey) -> Html:
    """Plot the lengths, levels, speeds and frames of clips."""
    return html.side_by_side(
        _histogram(survey, lambda split: split.used_seconds, "seconds", "Lengths of the clips"),
        _histogram(
            survey,
            lambda split: decibels(split.clips["rms"][split.clips["used"]]),
            "dB of full scale",
            "Loudness of the clips (root mean square)",
        ),
        _histogram(
            survey,
            lambda split: split.phonemes_per_second[split.clips["used"]],
            "phonemes per second",
            "Speed of the labels",
        ),
        _histogram(
            survey,
            lambda split: np.minimum(split.room_for_labels, _MOST_ROOM),
            "frames for each frame that the labels need",
            "Room for the labels (clips below 1 are skipped: they have too few frames)",
            mark=1.0,
        ),
    )


def _histogram(
    survey: Survey,
    values_of: Callable[[SplitSurvey], NDArray[np.float64]],
    unit: str,
    caption: str,
    mark: float | None = None,
) -> Html:
    found = {name: values_of(split) for name, split in survey.splits.items()}
    values: dict[str, NDArray[np.float64]] = {name: array for name, array in found.items() if len(array)}
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins=_BINS)
    drawing = histogram(values, edges.tolist(), x_label=unit, y_label="clips", mark=mark)
    drawing.axes[0].legend()
    in_words = "; ".join(
        f"{name} from {array.min():.3g} to {array.max():.3g} {unit}, median {np.median(array):.3g}"
        for name, array in values.items()
    )
    return html.figure(inline_svg(drawing), alt=f"{caption}: {in_words}", caption=caption)


def phoneme_counts(survey: Survey) -> Html:
    """Plot the count of each phoneme in the training split, the most frequent first."""
    counts = survey.trained_on.phonemes | survey.trained_on.unknown
    known = set(survey.vocabulary)
    names = sorted(counts, key=lambda phoneme: (-counts[phoneme], phoneme))
    height = 0.8 + _INCHES_PER_PHONEME * max(len(names), 3)
    drawing, axes = canvas("occurrences in train (logarithmic)", height=height)
    bars = axes.barh(
        range(len(names)),
        [counts[name] for name in names],
        color=[COLOURS[0] if name in known else _OUTSIDE for name in names],
        linewidth=0,
    )
    axes.set_yticks(range(len(names)), [name.replace("$", r"\$") for name in names])  # no formulas
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(0, 6 * max(counts.values(), default=1))  # leaves room for the numbers
    axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8.5, color=INK)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    outside = [name for name in names if name not in known]
    never = sorted(known - set(names))
    caption = (
        "Phonemes of the training split"
        + (f"; orange ones are not in the vocabulary: {listed(outside, _NAMED)}" if outside else "")
        + (f"; these never occur: {listed(never, _NAMED)}" if never else "")
    )
    most = f"most frequent {names[0]} with {counts[names[0]]:,}" if names else "none"
    return html.figure(inline_svg(drawing), alt=f"Bars of phoneme counts, {most}", caption=caption, tall=True)
