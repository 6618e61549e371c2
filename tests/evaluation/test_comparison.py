"""Comparison of two experiments over their common utterances."""

import pytest

from evaluation.comparison import common_rows, compare_analyses, conclusion, over_common, phoneme_changes
from evaluation.error_analysis import analyse
from experiment.contents import Experiment
from reports.comparisons.comparison_page import comparison_page


@pytest.fixture(scope="module")
def worse(noisy_records):
    return analyse("test", noisy_records(error_rate=0.3))


@pytest.fixture(scope="module")
def better(noisy_records):
    return analyse("test", noisy_records(error_rate=0.05, seed=1))


def test_utterances_are_paired_in_any_order(worse, better):
    turned = analyse("test", list(better.records)[::-1])
    assert common_rows(worse.records, turned.records) == [(place, 59 - place) for place in range(60)]
    assert compare_analyses(worse, turned).difference == compare_analyses(worse, better).difference


def test_the_better_experiment_makes_fewer_errors(worse, better):
    found = compare_analyses(worse, better)
    total = worse.phonemes
    assert found.difference.difference == pytest.approx((better.errors.sum() - worse.errors.sum()) / total)
    assert found.difference.high < 0
    assert found.by_speaker.units == 12
    assert (found.common, found.others) == (60, 0)
    assert compare_analyses(better, worse).difference.low > 0


def test_utterances_with_different_references_are_left_out(worse, better):
    changed = [better.records[0]._replace(reference=("a",)), *better.records[1:50]]
    found = compare_analyses(worse, analyse("test", changed))
    assert (found.common, found.others) == (49, 12)


def test_changes_of_phonemes_count_their_errors(worse, better):
    changes = phoneme_changes(worse, better, compare_analyses(worse, better).rows)
    spoken = {own.phoneme: own for own in changes}
    missed = sum(count for (ref, hyp), count in worse.counts.items() if ref == "t" != hyp)
    assert spoken["t"].first_errors == missed
    sizes = [abs(own.second_errors - own.first_errors) for own in changes]
    assert sizes == sorted(sizes, reverse=True)


def test_the_report_shows_both_and_names_the_better_one(tmp_path, worse, better):
    one, two = (
        Experiment(name, tmp_path / name, {}, {}, {}, None, {"val_per": {1: 0.5, 2: 0.3}}, text, {}, None)
        for name, text in (("one", "model: {lr: 0.1, x: 1}"), ("two", "model: {lr: 0.2, x: 1}"))
    )
    text = comparison_page([one._replace(analyses={"test": worse}), two._replace(analyses={"test": better})])
    assert "two makes fewer errors than one" in text
    assert "model.lr" in text
    assert "model.x" not in text
    assert "By accent" in text


def test_experiments_without_records_are_named(tmp_path, worse):
    bare = Experiment("bare", tmp_path, {}, {}, {}, None, {}, "", {}, None)
    text = comparison_page([bare, bare._replace(name="other", analyses={"test": worse})])
    assert "cannot be compared: bare" in text


def test_slices_use_the_utterances_in_common(tmp_path, worse, better):
    folder = Experiment("one", tmp_path, {}, {}, {}, None, {}, "", {}, None, analyses={"test": worse})
    some = analyse("test", better.records[:40])
    for own, other in zip(*[over_common([worse, some])[index].records for index in (0, 1)], strict=True):
        assert own.id == other.id
    text = comparison_page([folder, folder._replace(name="two", analyses={"test": some})])
    assert "Over 40 utterances of the test split" in text


def test_utterances_of_one_name_are_paired_one_by_one(worse):
    twice = analyse("test", [worse.records[0], worse.records[0]._replace(hypothesis=())])
    found = compare_analyses(twice, twice)
    assert found.rows == ((0, 0), (1, 1))


def test_runs_that_recognised_the_same_are_called_identical(worse, better):
    same = compare_analyses(worse, worse)
    assert conclusion("one", "two", same) == (
        f"one and two are identical: the same phonemes, {same.common} utterances."
    )
    assert "identical" not in conclusion("one", "two", compare_analyses(worse, better))
