"""From scores to verdicts: rising curves fitted on annotated phonemes, and a threshold.

A phoneme has a separate curve where it was annotated often enough, else that of its class (the manner of
articulation), else that of all phonemes. A separate curve is averaged with the more general one: a few wrong
phonemes leave it coarse where right becomes wrong. One threshold on the probability serves all.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from durable_files import write_durably
from phonetics.articulation import PhonemeInventory
from scoring.annotations.contract import AnnotatedScore
from scoring.candidates import CandidateChoice
from scoring.isotonic import Curve, averaged, isotonic_curve
from scoring.pronunciation import PronunciationScore, ScoredPhoneme, ScoredWord
from untrusted.json_text import read_json

BEST_F1 = "best F1"
_VERSION = 1
_ROWS_PER_POINT = 10  # of a curve: more, and it is coarse; fewer, and its ends are chance
_GENERAL_ROWS = 50  # that the more general curve counts as, against those of a phoneme or a class
_LEAST_OF_EACH = 20  # right and wrong phonemes that a curve of one phoneme, or of one class, needs
_LEAST_GRADED = 100
_SHAPE = dict[str, list[float]]
_SHAPES = dict[str, _SHAPE]


class Curves(NamedTuple):
    """The curve of each phoneme and each class that has its own, and that of all."""

    phonemes: Mapping[str, Curve]
    classes: Mapping[str, Curve]
    overall: Curve

    def of(self, symbol: str) -> Curve:
        """Return the curve of a phoneme: its own, that of its class, or that of all."""
        return self.phonemes.get(symbol) or self.classes.get(_class_of(symbol)) or self.overall


class Calibration(NamedTuple):
    """What turns gop into a probability of having been said right, a grade and a verdict."""

    probabilities: Curves
    threshold: float  # a phoneme is right from this probability on
    criterion: str  # how the threshold was chosen
    candidates: CandidateChoice  # scores of other candidates cannot be compared
    grades: Curves | None = None
    model: str | None = None  # the digest of the weights that gave the scores; None where it is unknown

    def applied(self, score: PronunciationScore) -> PronunciationScore:
        """Return scores with probabilities, verdicts and grades."""
        words = (ScoredWord(tuple(map(self._calibrated, word.phonemes))) for word in score.words)
        return score._replace(words=tuple(words))

    def _calibrated(self, phoneme: ScoredPhoneme) -> ScoredPhoneme:
        probability = float(self.probabilities.of(phoneme.symbol).at(phoneme.gop))
        return phoneme._replace(
            probability_right=probability,
            verdict="right" if probability >= self.threshold else "wrong",
            grade=float(self.grades.of(phoneme.symbol).at(phoneme.gop)) if self.grades else None,
        )


def fit_calibration(
    rows: Sequence[AnnotatedScore], candidates: CandidateChoice, most_false_rejections: float | None = None
) -> Calibration:
    """Fit a calibration on annotated phonemes.

    Args:
        rows: right and wrong phonemes with their scores.
        candidates: those that the scores were computed with.
        most_false_rejections: the share of right phonemes that may be called wrong; None chooses the
            threshold with the best F1 of wrong phonemes.
    """
    right = np.array([row.is_right for row in rows], dtype=bool)
    if right.all() or not right.any():
        raise ValueError("calibration: phonemes must be annotated as right and as wrong, one kind is missing")
    curves = _fitted(rows, right.astype(float), _rarer_kind, _LEAST_OF_EACH)
    chances = np.array([float(curves.of(row.symbol).at(row.gop)) for row in rows])
    if most_false_rejections is None:
        threshold, criterion = best_f1_threshold(chances, right), BEST_F1
    else:
        threshold = rejection_threshold(chances, right, most_false_rejections)
        criterion = f"false rejection rate up to {most_false_rejections:g}"
    graded = [row for row in rows if row.grade is not None]
    values = np.array([row.grade for row in graded], dtype=float)
    grades = _fitted(graded, values, len, _LEAST_GRADED) if len(graded) >= _LEAST_GRADED else None
    return Calibration(curves, threshold, criterion, candidates, grades)


def _rarer_kind(values: NDArray[np.float64]) -> int:
    return int(min(np.count_nonzero(values), np.count_nonzero(values == 0)))


def _fitted(
    rows: Sequence[AnnotatedScore],
    values: NDArray[np.float64],
    count: Callable[[NDArray[np.float64]], int],
    least: int,
) -> Curves:
    """Fit the curve of all rows, and those of the classes and phonemes whose rows count as enough."""
    gop = np.array([row.gop for row in rows])
    overall = isotonic_curve(gop, values, _ROWS_PER_POINT)

    def curves(keys: Sequence[str], general: Callable[[str], Curve]) -> dict[str, Curve]:
        places = defaultdict(list)
        for place, key in enumerate(keys):
            places[key].append(place)
        counts = {key: count(values[own]) for key, own in places.items()}
        return {
            key: averaged(
                isotonic_curve(gop[own], values[own], _ROWS_PER_POINT),
                general(key),
                counts[key] / (counts[key] + _GENERAL_ROWS),
            )
            for key, own in sorted(places.items())
            if counts[key] >= least
        }

    symbols = [row.symbol for row in rows]
    classes = curves([_class_of(symbol) for symbol in symbols], lambda _: overall)
    phonemes = curves(symbols, lambda symbol: classes.get(_class_of(symbol), overall))
    return Curves(phonemes, classes, overall)


def best_f1_threshold(chances: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Find the probability below which phonemes are called wrong with the best F1.

    >>> best_f1_threshold(np.array([0.1, 0.4, 0.6, 0.9]), np.array([False, False, True, True]))
    0.5
    """
    edges, wrong_below, right_below = _below(chances, right)
    f1 = 2 * wrong_below / (wrong_below + right_below + np.count_nonzero(~right))
    return float(edges[np.argmax(f1)])


def rejection_threshold(chances: NDArray[np.float64], right: NDArray[np.bool_], most: float) -> float:
    """Find the highest probability below which no larger share of the right phonemes lies.

    >>> rejection_threshold(np.array([0.1, 0.4, 0.6, 0.9]), np.array([False, True, True, True]), 0.34)
    0.5
    """
    edges, _, right_below = _below(chances, right)
    return float(edges[right_below <= most * np.count_nonzero(right)].max())


def _below(
    chances: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the possible thresholds, half-way between chances, and the wrong and right ones below each."""
    levels = np.unique(chances)
    edges = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [levels[-1] + 1e-9]])
    wrong_below = np.searchsorted(np.sort(chances[~right]), edges)
    right_below = np.searchsorted(np.sort(chances[right]), edges)
    return edges, wrong_below, right_below


def _class_of(symbol: str) -> str:
    return PhonemeInventory((symbol,)).manner_of(symbol)


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration as JSON."""
    described = {
        "version": _VERSION,
        "model": calibration.model,
        "criterion": calibration.criterion,
        "threshold": calibration.threshold,
        "candidates": calibration.candidates
        if isinstance(calibration.candidates, str)
        else dict(calibration.candidates),
        "probabilities": _described(calibration.probabilities),
        "grades": _described(calibration.grades) if calibration.grades else None,
    }
    write_durably(path, json.dumps(described, ensure_ascii=False, indent=1) + "\n")


def _described(curves: Curves) -> dict[str, dict[str, dict[str, list[float]]]]:
    groups = {"phonemes": curves.phonemes, "classes": curves.classes, "overall": {"all": curves.overall}}
    return {
        name: {
            key: {field: list(values) for field, values in curve._asdict().items()}
            for key, curve in group.items()
        }
        for name, group in groups.items()
    }


def read_calibration(path: Path) -> Calibration:
    """Read a calibration; raise ``ValueError`` for any other file."""
    shape = dict[str, float | str | None | dict[str, str] | dict[str, _SHAPES]]
    found = read_json(path, shape)
    try:
        if found["version"] != _VERSION:
            raise ValueError(f"its version must be {_VERSION}, it is {found['version']}")
        return Calibration(
            _read_curves(found["probabilities"]),
            float(found["threshold"]),
            str(found["criterion"]),
            found["candidates"],
            _read_curves(found["grades"]) if found["grades"] else None,
            found.get("model"),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: must be a calibration that score --calibrate wrote: {error!r}") from error


def _read_curves(groups: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]) -> Curves:
    read = {name: {key: _read_curve(curve) for key, curve in group.items()} for name, group in groups.items()}
    return Curves(read["phonemes"], read["classes"], read["overall"]["all"])


def _read_curve(written: Mapping[str, Sequence[float]]) -> Curve:
    scores, values = tuple(written["scores"]), tuple(written["values"])
    if not scores or len(scores) != len(values) or list(scores) != sorted(scores):
        raise ValueError("a curve must have as many rising scores as values")
    return Curve(scores, values)
