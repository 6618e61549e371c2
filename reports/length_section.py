"""The section about lengths, blanks, times and confidences."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.error_analysis import SplitAnalysis
from phonetics import WORD_DELIMITER
from phonetics.confusions import phoneme_pairs
from reports import html
from reports.error_sections import percent
from reports.html import Html
from reports.pictures import histogram, inline_svg

_BINS = 30
_CONFIDENCES = (0.0, 0.5, 0.7, 0.9, 0.99, 1.0)


def length_section(analysis: SplitAnalysis) -> html.Section:
    """Show the lengths, blanks and confidences of a split."""
    hypothesis = np.array([len(record.hypothesis_phonemes) for record in analysis.records])
    frames = np.array([record.frames for record in analysis.records])
    blanks = np.array([record.blank_share for record in analysis.records])
    seconds = sum(record.seconds for record in analysis.records)
    blank_frames = float((blanks * frames).sum())
    lengths = np.maximum(1, analysis.lengths)
    whole = hypothesis.sum() / max(1, analysis.phonemes)
    return html.section(
        "Lengths and blanks",
        html.key_metrics(
            html.KeyMetric("hypothesis over reference length", f"{whole:.3f}", _balance(whole)),
            html.KeyMetric("frames that are blank", percent(blank_frames / max(1, frames.sum()), 1)),
            html.KeyMetric("frames per phoneme", f"{frames.sum() / max(1, analysis.phonemes):.1f}"),
            html.KeyMetric("phonemes per second", f"{analysis.phonemes / max(seconds, 1e-9):.1f}", "spoken"),
            html.KeyMetric(
                "without an error", percent((analysis.errors == 0).mean(), 1), "of the utterances"
            ),
            *_times(analysis),
        ),
        html.side_by_side(
            _histogram(analysis.errors / lengths, "phoneme error rate of an utterance"),
            _histogram(hypothesis / lengths, "hypothesis phonemes per reference phoneme", mark=1.0),
            _histogram(blanks, "share of frames that are blank"),
        ),
        _confidences(analysis),
    )


def _balance(length_ratio: float) -> str:
    """Describe a ratio that is rounded to three digits.

    >>> _balance(0.9994), _balance(0.9996), _balance(1.001)
    ('more deletions than insertions', 'as many deletions as insertions', 'more insertions than deletions')
    """
    rounded = round(length_ratio, 3)
    if rounded == 1.0:
        return "as many deletions as insertions"
    return "more deletions than insertions" if rounded < 1.0 else "more insertions than deletions"


def _times(analysis: SplitAnalysis) -> list[html.KeyMetric]:
    """Compare the model's times with those of the data set, if it has any."""
    errors = onset_errors(analysis)
    if not len(errors):
        return []
    median = f"{1000 * float(np.median(np.abs(errors))):.0f} ms"
    return [html.KeyMetric("error of onsets", median, "median, from forced alignment of the reference")]


def onset_errors(analysis: SplitAnalysis) -> NDArray[np.float64]:
    """Return the onsets by forced alignment minus the stated onsets, phoneme by phoneme, in seconds."""
    return np.array(
        [
            start - stated
            for record in analysis.records
            for token, (start, _), stated in zip(
                record.reference, record.reference_times or (), record.stated_starts or (), strict=False
            )
            if token != WORD_DELIMITER
        ]
    )


def _histogram(values: NDArray[np.float64], unit: str, mark: float | None = None) -> Html:
    highest = max(float(values.max()), mark or 0.1) * 1.02
    edges = np.linspace(0.0, highest, _BINS + 1).tolist()
    drawing = histogram({"": values}, edges, x_label=unit, y_label="utterances", height=2.5, mark=mark)
    words = f"from {values.min():.3g} to {values.max():.3g}, median {np.median(values):.3g}"
    return html.figure(
        inline_svg(drawing), alt=f"Histogram, {unit}: {words}", caption=f"{unit.capitalize()}: {words}."
    )


def _confidences(analysis: SplitAnalysis) -> Html:
    """Show the share of correct phonemes by confidence."""
    sure, right = confidence_columns(analysis)
    if not len(sure):
        return Html("")
    rows: list[Sequence[object]] = []
    for low, high in zip(_CONFIDENCES, _CONFIDENCES[1:], strict=False):
        band = (sure >= low) & ((sure < high) | (high == 1.0))
        if band.any():
            correct = round(100 * float(right[band].mean()), 1)
            rows.append([f"{low:g} to {high:g}", int(band.sum()), correct])
    return (
        html.heading("Confidence")
        + html.table(["confidence", "recognised phonemes", "correct %"], rows)
        + html.note("The confidence of a phoneme is the geometric mean of its probability over its frames.")
    )


def confidence_columns(analysis: SplitAnalysis) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the confidence of every hypothesis phoneme and whether it is correct, (H,)."""
    sure: list[float] = []
    right: list[bool] = []
    for record, aligned in zip(analysis.records, analysis.aligned, strict=True):
        confidences = [
            value
            for token, value in zip(record.hypothesis, record.hypothesis_confidences, strict=False)
            if token != WORD_DELIMITER
        ]
        if len(confidences) != len(record.hypothesis_phonemes):
            continue
        names = phoneme_pairs(record.reference_phonemes, record.hypothesis_phonemes, aligned.pairs)
        sure += confidences
        right += [reference == hypothesis for reference, hypothesis in names if hypothesis is not None]
    return np.array(sure), np.array(right, dtype=np.bool_)
