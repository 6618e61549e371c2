"""A calibration is honest on other data, falls back to class and all, and is read back as it was written."""

import json

import numpy as np
import pytest

from scoring.annotations.contract import AnnotatedScore
from scoring.calibration import Calibration, Curves, fit_calibration, read_calibration, write_calibration
from scoring.isotonic import Curve
from scoring.pronunciation import PronunciationScore, ScoredPhoneme, ScoredWord


def _rows(count, seed, symbols=("s", "t", "a"), graded=False):
    """Phonemes that are right with the probability 1 / (1 + exp(−2 − gop)), gop in −8…0."""
    generator = np.random.default_rng(seed)
    gop = -8 * generator.random(count)
    right = generator.random(count) < 1 / (1 + np.exp(-2 - gop))
    return [
        AnnotatedScore(
            *(
                str(n // 10),
                str(n // 100),
                symbols[n % len(symbols)],
                float(gop[n]),
                bool(right[n]),
                None,
                "x",
            ),
            grade=2.0 * right[n] if graded else None,
        )
        for n in range(count)
    ]


def test_probabilities_are_honest_on_the_other_half():
    calibration = fit_calibration(_rows(6000, 0), "all")
    others = _rows(6000, 1)
    chances = np.array([float(calibration.probabilities.of(row.symbol).at(row.gop)) for row in others])
    right = np.array([row.is_right for row in others])
    tenth = np.minimum((chances * 10).astype(int), 9)
    for number in np.unique(tenth):
        own = tenth == number
        spread = np.sqrt(chances[own].mean() * (1 - chances[own].mean()) / own.sum())
        assert abs(chances[own].mean() - right[own].mean()) < 3 * spread + 0.02


def test_few_wrong_rows_of_a_phoneme_do_not_bend_its_probabilities():
    """One phoneme in twenty is wrong, about 30 of each symbol, and the probability rises steeply."""
    generator = np.random.default_rng(0)
    right = generator.random(5000) < 0.95
    gop = -np.where(right, generator.exponential(1.0, 5000), generator.exponential(10.0, 5000))
    rows = [
        row._replace(gop=float(gop[n]), is_right=bool(right[n]))
        for n, row in enumerate(_rows(5000, 0, ("s", "t", "a", "k", "m", "i", "o", "p")))
    ]
    curves = fit_calibration(rows, "all").probabilities
    scores = np.linspace(-9.0, -1.0, 81)
    said_right, said_wrong = 0.95 * np.exp(scores), 0.05 * np.exp(scores / 10) / 10
    true = said_right / (said_right + said_wrong)
    errors = [np.abs(curve.at(scores) - true).mean() for curve in curves.phonemes.values()]
    assert len(errors) == 8
    assert np.mean(errors) < 0.08


def test_phonemes_without_enough_rows_have_the_curve_of_their_class_or_of_all():
    calibration = fit_calibration([*_rows(900, 0), *_rows(30, 1, ("z",)), *_rows(3, 2, ("m",))], "all")
    curves = calibration.probabilities
    assert sorted(curves.phonemes) == ["a", "s", "t"]
    assert curves.of("s") is curves.phonemes["s"]
    assert curves.of("z") is curves.classes["fricative"]
    assert curves.of("m") is curves.overall


def test_the_threshold_keeps_the_rate_of_false_rejections():
    rows = _rows(4000, 0)
    calibration = fit_calibration(rows, "all", most_false_rejections=0.05)
    rejected = [
        float(calibration.probabilities.of(row.symbol).at(row.gop)) < calibration.threshold
        for row in rows
        if row.is_right
    ]
    assert 0.03 < np.mean(rejected) <= 0.05
    assert calibration.criterion == "false rejection rate up to 0.05"


def test_verdicts_and_grades_are_added_to_scores():
    calibration = fit_calibration(_rows(2000, 0, graded=True), "all")
    phonemes = [ScoredPhoneme("s", 0.0, 0.1, gop, "t", -gop, -9.0) for gop in (-0.01, -7.5)]
    score = PronunciationScore("a", 1.0, (ScoredWord(tuple(phonemes)),), ())
    right, wrong = calibration.applied(score).phonemes
    assert (right.verdict, wrong.verdict) == ("right", "wrong")
    assert right.probability_right > 0.75 > 0.2 > wrong.probability_right
    assert right.grade > 1.5 > 0.5 > wrong.grade
    word = calibration.applied(score).words[0]
    assert word.verdict == "wrong"
    assert word.probability_right == pytest.approx((right.probability_right + wrong.probability_right) / 2)


@pytest.mark.parametrize("candidates", ["same-class", {"s": "t θ"}, {}])
def test_a_calibration_is_read_back_as_it_was_written(tmp_path, candidates):
    calibration = fit_calibration(_rows(900, 0, graded=True), candidates)
    write_calibration(calibration, tmp_path / "one.json")
    assert read_calibration(tmp_path / "one.json") == calibration


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"threshold": 1}',
        '{"threshold": 0.5, "criterion": "x", "candidates": "all", "grades": null}',
    ],
)
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ValueError, match=r"x\.json"):
        read_calibration(tmp_path / "x.json")


def test_another_version_is_refused(tmp_path):
    path = tmp_path / "x.json"
    write_calibration(fit_calibration(_rows(900, 0), "all"), path)
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(ValueError, match="version must be 1, it is 2"):
        read_calibration(path)


def test_curves_that_fall_are_refused(tmp_path):
    curve = Curve((0.0, -1.0), (0.1, 0.9))
    write_calibration(Calibration(Curves({}, {}, curve), 0.5, "x", "all"), tmp_path / "x.json")
    assert "overall" in json.loads((tmp_path / "x.json").read_text())["probabilities"]
    with pytest.raises(ValueError, match="rising"):
        read_calibration(tmp_path / "x.json")


def test_one_kind_of_annotation_cannot_be_calibrated():
    rows = [row for row in _rows(200, 0) if row.is_right]
    with pytest.raises(ValueError, match="one kind is missing"):
        fit_calibration(rows, "all")
