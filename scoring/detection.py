"""How well scores find mispronounced phonemes: rates, areas and correlations, each with its intervals.

A phoneme counts as found if its verdict is wrong. Rates are ratios of sums over all phonemes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import RateInterval, rate_interval, sums_by_unit
from evaluation.ranking import area_under_curve, correlation, resampled_interval
from scoring.annotations.contract import AnnotatedMean, AnnotatedScore

DETECTION_DEFINITIONS = {
    "auc": "the probability that a wrong phoneme scores lower than a right one",
    "diagnosed": "wrong phonemes whose diagnosis is what was said, of those whose annotation says it",
    "false_rejection_rate": "right phonemes called wrong, of all right ones",
    "false_acceptance_rate": "wrong phonemes called right, of all wrong ones",
    "diagnostic_error_rate": "found wrong phonemes with another diagnosis, of those whose annotation says "
    "what was said",
    "precision": "wrong phonemes, of those called wrong",
    "recall": "wrong phonemes called wrong, of all wrong ones",
    "f1": "the harmonic mean of precision and recall",
    "pearson_phoneme": "the correlation of scores and grades, over phonemes",
    "pearson_word": "the same over words",
    "pearson_utterance": "the same over utterances",
}


class DetectionMetric(NamedTuple):
    """A metric and its 95 % intervals; None where there are too few units, or no speakers are known."""

    value: float
    by_utterance: RateInterval | None
    by_speaker: RateInterval | None


class _Units(NamedTuple):
    utterances: list[str]
    speakers: list[str]  # an utterance whose speaker is unknown stands for itself

    def ratio(self, numerators: NDArray[np.float64], denominators: NDArray[np.float64]) -> DetectionMetric:
        """Compute a share with its intervals, which end at 1."""
        total = float(denominators.sum())

        def interval(keys: list[str]) -> RateInterval | None:
            found = rate_interval(*sums_by_unit(keys, numerators, denominators))
            return found and found._replace(high=min(1.0, found.high))

        return self._metric(float(numerators.sum()) / total if total else float("nan"), interval)

    def area(self, scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> DetectionMetric:
        return self._metric(
            area_under_curve(scores, positive),
            partial(resampled_interval, lambda rows: area_under_curve(scores[rows], positive[rows])),
        )

    def correlation(self, scores: NDArray[np.float64], grades: NDArray[np.float64]) -> DetectionMetric:
        return self._metric(
            correlation(scores, grades),
            partial(resampled_interval, lambda rows: correlation(scores[rows], grades[rows])),
        )

    def _metric(self, value: float, interval: Callable[[list[str]], RateInterval | None]) -> DetectionMetric:
        knows_speakers = self.speakers != self.utterances
        return DetectionMetric(
            value, interval(self.utterances), interval(self.speakers) if knows_speakers else None
        )


def detection_metrics(
    rows: Sequence[AnnotatedScore],
    words: Sequence[AnnotatedMean] = (),
    utterances: Sequence[AnnotatedMean] = (),
) -> dict[str, DetectionMetric]:
    """Compute all metrics that the annotations and the scores allow; verdicts need a calibration."""
    if not rows:
        return {}
    units = _units(rows)
    wrong = np.array([not row.is_right for row in rows])
    chances = [row.probability_right for row in rows]
    scores = np.array([row.gop if one is None else one for row, one in zip(rows, chances, strict=True)])
    metrics = {"auc": units.area(-scores, wrong)}
    known = np.array([row.said is not None for row in rows]) & wrong
    differs = np.array([row.found != row.said for row in rows])
    metrics["diagnosed"] = units.ratio(_numbers(known & ~differs), _numbers(known))
    if all(row.verdict is not None for row in rows):
        called = np.array([row.verdict == "wrong" for row in rows])
        found = _numbers(called & wrong)
        metrics |= {
            "false_rejection_rate": units.ratio(_numbers(called & ~wrong), _numbers(~wrong)),
            "false_acceptance_rate": units.ratio(_numbers(~called & wrong), _numbers(wrong)),
            "diagnostic_error_rate": units.ratio(
                _numbers(called & known & differs), _numbers(called & known)
            ),
            "precision": units.ratio(found, _numbers(called)),
            "recall": units.ratio(found, _numbers(wrong)),
            "f1": units.ratio(2 * found, _numbers(called) + _numbers(wrong)),
        }
    return metrics | _correlations(rows, words, utterances)


def _correlations(
    rows: Sequence[AnnotatedScore], words: Sequence[AnnotatedMean], utterances: Sequence[AnnotatedMean]
) -> dict[str, DetectionMetric]:
    phones = [
        AnnotatedMean(
            row.utterance,
            row.speaker,
            row.gop if row.predicted_grade is None else row.predicted_grade,
            row.grade,
        )
        for row in rows
        if row.grade is not None
    ]
    return {
        f"pearson_{name}": _units(graded).correlation(
            np.array([one.score for one in graded]), np.array([one.grade for one in graded])
        )
        for name, graded in (("phoneme", phones), ("word", words), ("utterance", utterances))
        if graded
    }


def _units(rows: Sequence[AnnotatedScore] | Sequence[AnnotatedMean]) -> _Units:
    return _Units([row.utterance for row in rows], [row.speaker for row in rows])


def _numbers(flags: NDArray[np.bool_]) -> NDArray[np.float64]:
    return flags.astype(np.float64)


def described_metrics(metrics: Mapping[str, DetectionMetric]) -> dict[str, dict[str, object]]:
    """Return metrics as JSON holds them; one that is no number is None.

    >>> described_metrics({"auc": DetectionMetric(float("nan"), None, None)})
    {'auc': {'value': None, 'by_utterance': None, 'by_speaker': None}}
    """
    return {
        name: {
            "value": metric.value if math.isfinite(metric.value) else None,
            "by_utterance": metric.by_utterance and metric.by_utterance._asdict(),
            "by_speaker": metric.by_speaker and metric.by_speaker._asdict(),
        }
        for name, metric in metrics.items()
    }


def counts_line(rows: Sequence[AnnotatedScore], criterion: str | None) -> str:
    """State how many phonemes metrics are of, and how verdicts were found.

    >>> counts_line([], None)
    '0 phonemes, 0 wrong; no calibration, so no verdicts'
    """
    how = "no calibration, so no verdicts" if criterion is None else f"verdicts by {criterion}"
    return f"{len(rows)} phonemes, {sum(not row.is_right for row in rows)} wrong; {how}"


def metric_lines(metrics: Mapping[str, DetectionMetric]) -> list[str]:
    """Write a line for each metric with its intervals.

    >>> metric_lines({"auc": DetectionMetric(0.9, RateInterval(0.9, 0.85, 0.94, 40), None)})
    ['auc                     0.9000  0.8500 to 0.9400 by utterance (40)']
    """
    return [
        f"{name:22} {metric.value:7.4f}  {_intervals(metric)}".rstrip() for name, metric in metrics.items()
    ]


def _intervals(metric: DetectionMetric) -> str:
    found = {"utterance": metric.by_utterance, "speaker": metric.by_speaker}
    return ", ".join(
        f"{one.low:.4f} to {one.high:.4f} by {unit} ({one.units})" for unit, one in found.items() if one
    )
