"""The doctor says what it takes for labels: kinds, examples, how much of the audio they cover."""

from pathlib import Path

from dataset_modules.sources.annotations.contract import LabelledSegment
from dataset_modules.sources.annotations.summary import LabelSummary
from doctor.findings.labels import clips_cover_the_same, labels_found


def test_kinds_examples_and_coverage_are_named(survey_of):
    summary = LabelSummary(num_empty=7, recording_seconds=600.0, clip_seconds=450.0)
    for number in range(5):
        segment = LabelledSegment(Path("a.wav"), number, number + 0.5, phonemes=("d", "a"))
        summary.add(f"a.wav#{number:04d}", ".textgrid", segment)
    summary.add("b.wav", "no file", LabelledSegment(Path("b.wav")))
    (finding,) = labels_found(survey_of(labels=(summary,)))
    assert finding.severity == "note"
    assert finding.title == "Labels: 5 with phonemes of .textgrid, 1 with no labels"
    assert finding.examples == (
        "a.wav#0000 (0.00 to 0.50 s): d a",
        "a.wav#0001 (1.00 to 1.50 s): d a",
        "a.wav#0002 (2.00 to 2.50 s): d a",
    )
    assert "Clips cover 7.5 of 10.0 minutes" in finding.text
    assert "empty intervals (pauses), left out: 7" in finding.text
    assert "Half of the clips have more than 10.0 phonemes a second" in finding.text


def test_data_without_label_files_have_no_such_finding(survey_of):
    assert list(labels_found(survey_of(labels=(LabelSummary(),)))) == []


def test_clips_that_cover_the_same_speech_several_times_are_a_warning(survey_of):
    sums = [LabelSummary(recording_seconds=720.0, clip_seconds=seconds) for seconds in (1368.0, 700.0)]
    (finding,) = clips_cover_the_same(survey_of(labels=tuple(sums)))
    assert finding.severity == "warning"
    assert finding.title == "Clips cover 22.8 minutes of recordings that last 12.0"
    assert "label_tier" in finding.advice
