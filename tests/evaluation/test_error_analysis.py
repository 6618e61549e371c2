"""All metrics of a split follow from one alignment per utterance."""

import pytest

from evaluation.error_analysis import analyse
from evaluation.error_counts import phoneme_edits
from evaluation.utterance_record import UtteranceRecord


def record(reference, hypothesis, **more):
    return UtteranceRecord(
        "a", "test", tuple(reference.split()), tuple(hypothesis.split()), 1.0, 50, 0.5, **more
    )


def test_metrics_equal_values_worked_out_by_hand():
    analysis = analyse("test", [record("t a | n", "d a | n i"), record("m a", "m")])
    assert analysis.edits == {"substitutions": 1, "deletions": 1, "insertions": 1}
    assert analysis.phonemes == 5
    assert analysis.errors.tolist() == [2, 1]
    assert analysis.feature_error_rate == pytest.approx((0.125 / 7.25 + 1 + 1) / 5, abs=1e-6)
    assert analysis.counts["t", "d"] == analysis.counts["a", None] == analysis.counts[None, "i"] == 1


def test_errors_equal_those_of_the_logged_rate(noisy_records):
    records = noisy_records()
    analysis = analyse("test", records)
    logged = [phoneme_edits(own.reference, own.hypothesis) for own in records]
    assert analysis.errors.tolist() == [counts.errors for counts in logged]
    assert analysis.lengths.tolist() == [counts.reference_length for counts in logged]


def test_phonemes_without_features_are_counted():
    analysis = analyse("test", [record("t [UNK]", "t a"), record("t", "[UNK]")])
    assert analysis.without_features == {"[UNK]": 2}
    assert analysis.feature_error_rate == pytest.approx(2 / 3)


def test_intervals_by_speaker_need_speakers(noisy_records):
    assert "per_by_speaker" in analyse("test", noisy_records()).intervals
    few = [own._replace(speaker="one") for own in noisy_records()]
    assert set(analyse("test", few).intervals) == {"per", "feature_error_rate", "pfer"}
    unknown = [noisy_records()[0]._replace(speaker=None), *noisy_records()[1:]]
    assert "per_by_speaker" not in analyse("test", unknown).intervals


def test_an_empty_split_has_no_rate_and_no_error():
    analysis = analyse("test", [])
    assert (analysis.intervals, analysis.phonemes) == ({}, 0)


def test_pfer_reads_ipa_as_it_is_and_names_as_they_were_mapped(noisy_records):
    records = [one._replace(raw_hypothesis=("ʃ",) * 3) for one in noisy_records()]
    assert analyse("test", records).pfer > analyse("test", noisy_records()).pfer
    named = [one._replace(raw_hypothesis=("SH1",) * 3) for one in noisy_records()]
    assert analyse("test", named).pfer == analyse("test", noisy_records()).pfer
    numbered = [one._replace(raw_hypothesis=("tok7", "tok16", "tok3")) for one in noisy_records()]
    assert analyse("test", numbered).pfer == analyse("test", noisy_records()).pfer
    sampa = [one._replace(raw_hypothesis=("p", "t", "S")) for one in noisy_records()]
    assert analyse("test", sampa).pfer == analyse("test", noisy_records()).pfer
