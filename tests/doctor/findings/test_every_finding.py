"""Each fault is found with its severity, and good data has none; all surveys are made by hand."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from dataset_modules.recording import SkippedRecording
from doctor.findings.every_finding import CHECKS, findings_of
from doctor.findings.finding import ClipCheck
from doctor.survey import Batching, OddTexts


def found(survey):
    return {finding.key: finding for finding in findings_of(survey)}


def test_good_data_has_no_findings(survey_of):
    assert findings_of(survey_of()) == []


# What is wrong with one clip of four (the second): columns, severity, and words of the example.
SINGLE_CLIPS = {
    "cannot_hold_labels": (
        {
            "frames": [99, 19, 99, 99],
            "num_labels": 18,
            "frames_needed": 20,
            "used": [True, False, True, True],
        },
        "warning",
        "18 labels need 20 frames, 2.00 s give 19",
    ),
    "without_labels": ({"num_labels": [20, 0, 20, 20], "frames_needed": 0}, "warning", "train-1"),
    "silent": ({"rms": [0.1, 0.0009, 0.1, 0.1]}, "warning", "-61 dB"),
    "clipped": ({"clipped_share": [0.0, 0.02, 0.0, 0.0009]}, "warning", "2.0% of its samples"),
    "odd_speed": ({"num_labels": [20, 1, 20, 20]}, "warning", "1 phoneme in 2.00 s"),
    "longer_than_clip": (
        {"num_labels": [20, 54, 20, 20]},
        "warning",
        "54 phonemes take 2.2 s at least, the clip lasts 2.0 s",
    ),
    "very_short": (
        {"num_samples": [32000, 3200, 32000, 32000], "num_labels": [20, 3, 20, 20]},
        "note",
        "0.20 s",
    ),
    "very_long": (
        {"num_samples": [32000, 336000, 32000, 32000], "num_labels": [20, 90, 20, 20]},
        "note",
        "21.0 s",
    ),
}


@pytest.mark.parametrize("key", SINGLE_CLIPS)
def test_a_fault_of_one_clip_is_the_only_finding(key, survey_of, split_of):
    columns, severity, words = SINGLE_CLIPS[key]
    (finding,) = findings_of(survey_of(split_of("train", **columns)))
    assert (finding.key, finding.severity, finding.number) == (key, severity, 1)
    assert "train-1" in finding.examples[0]
    assert words in finding.examples[0]
    assert "1 in train" in finding.text
    assert finding.advice


def test_settings_that_stop_training_are_fatal(survey_of):
    (finding,) = findings_of(survey_of(plan_faults=("trainer.a: must be b", "trainer.c: must be d")))
    assert (finding.severity, finding.key) == ("fatal", "plan_faults")
    assert "trainer.a: must be b; trainer.c: must be d" in finding.text


def test_a_clip_without_frames_cannot_hold_an_empty_label(survey_of, split_of):
    split = split_of("train", frames=[0, 99, 99, 99], frames_needed=[0, 20, 20, 20])
    assert found(survey_of(split))["cannot_hold_labels"].number == 1


def test_clips_that_training_skips_have_no_other_findings(survey_of, split_of):
    train = split_of("train", rms=0.0, clipped_share=0.5, num_labels=0, speaker=100, content=5)
    train.clips["used"][:] = [True, False, False, False]
    findings = found(survey_of(train))
    assert {findings[key].number for key in ("silent", "clipped", "without_labels", "same_speaker")} == {1}


def test_faults_of_all_splits_are_counted_and_few_are_named(survey_of, split_of):
    finding = found(survey_of(split_of("train", 30, rms=0.0), split_of("test", 2, rms=0.0)))["silent"]
    assert finding.number == 32
    assert "30 in train, 2 in test" in finding.text
    assert len(finding.examples) == 5


def test_a_clip_longer_than_a_batch_is_a_warning(survey_of, split_of):
    split = split_of("train", num_samples=[32000, 32000, 32000, 96000])
    assert findings_of(survey_of(split)) == []
    finding = found(survey_of(split, max_batch_seconds=5.0))["very_long"]
    assert finding.severity == "warning"
    assert "max_batch_seconds" in finding.advice


UNKNOWN = {"unknown": Counter({"ø": 3, "y": 1}), "unknown_examples": {"ø": ["train-2"], "y": ["train-0"]}}


@pytest.mark.parametrize(
    ("policy", "severity"),
    [("refuse", "fatal"), ("map_to_unknown", "warning"), ("drop", "warning"), ("skip", "warning")],
)
def test_the_policy_sets_the_severity_of_unknown_phonemes(policy, severity, survey_of, split_of):
    split = split_of("train", num_unknown=[1, 0, 3, 0], **UNKNOWN)
    finding = found(survey_of(split, unknown_policy=policy))["unknown_phonemes"]
    assert finding.severity == severity
    assert finding.title == "4 phonemes of 2 kinds not in the vocabulary"
    assert "In 2 clips." in finding.text
    assert finding.examples[0] == "ø (3×), such as in train-2"


def test_the_same_recording_in_two_splits_names_both(survey_of, split_of):
    train, test = split_of("train", 5), split_of("test", 3, speaker=7 + np.arange(3))
    test.clips["content"][2, 1] = train.clips["content"][4, 1]
    finding = found(survey_of(train, test))["same_recording"]
    assert finding.number == 1
    assert finding.examples == ("train-4 (train) is test-2 (test)",)


def test_silence_is_not_the_same_recording(survey_of, split_of):
    train, test = split_of("train", content=1, rms=0.0), split_of("test", content=1, rms=0.0, speaker=9)
    assert not {"same_recording", "repeated_recordings"} & set(found(survey_of(train, test)))


def test_copies_within_a_split_are_a_note(survey_of, split_of):
    train = split_of("train", 5)
    train.clips["content"][3, 0] = train.clips["content"][1, 0]
    train.clips["content"][4, 1] = train.clips["content"][1, 1]
    finding = found(survey_of(train))["repeated_recordings"]
    assert (finding.severity, finding.number) == ("note", 2)
    assert finding.examples == ("train-3 (train)", "train-4 (train)")


def test_a_speaker_in_two_splits_is_named(survey_of, split_of):
    survey = survey_of(split_of("val", 3, speaker=[2, 150, 150]))
    finding = found(survey)["same_speaker"]
    assert finding.number == 1
    assert finding.examples == ("voice2: train and val",)


def test_unknown_speakers_are_no_shared_speaker(survey_of, split_of):
    findings = found(survey_of(split_of("train", speaker=-1), split_of("val", 3, speaker=-1)))
    assert "same_speaker" not in findings
    assert findings["speakers_unknown"].number == 7


def test_a_phoneme_that_is_evaluated_but_never_trained_on_is_named(survey_of, split_of):
    survey = survey_of(split_of("train", phonemes={"a": 900}), split_of("test", phonemes={"a": 1, "b": 2}))
    assert found(survey)["never_trained_on"].examples == ("b: in val and test",)


@pytest.mark.parametrize(("count", "severity"), [(19, "warning"), (0, "note")])
def test_a_rare_phoneme_is_named(count, severity, survey_of, split_of):
    survey = survey_of(*(split_of(name, phonemes={"a": 20, "b": count}) for name in ("train", "val", "test")))
    speakers = {"same_speaker"}
    findings = {key: finding for key, finding in found(survey).items() if key not in speakers}
    assert findings["rare_phonemes"].severity == severity
    assert findings["rare_phonemes"].examples == ("seldom: b (19×)" if count else "never: b",)


def test_phonemes_that_only_synthetic_speech_has_are_trained_on(survey_of, split_of):
    train = split_of("train", phonemes={"a": 900}, synthetic=Counter({"b": 500}))
    assert not {"never_trained_on", "rare_phonemes"} & found(survey_of(train)).keys()


def test_what_synthetic_speech_lacks_too_never_occurs(survey_of, split_of):
    train = split_of("train", phonemes={"a": 19}, synthetic=Counter({"a": 500}))
    text = found(survey_of(train))["rare_phonemes"].text
    assert text == "1 of them never occurs, in synthetic speech either."


def test_phonemes_that_no_recording_has_are_a_calm_note(survey_of, split_of):
    survey = survey_of(*(split_of(name, phonemes={"a": 20}) for name in ("train", "val", "test")))
    assert found(survey)["rare_phonemes"].title == "1 phoneme of the vocabulary never in train"


def corpus(name, share):
    """A data set of this name that may skip this share."""
    return type(name, (), {"max_skipped_share": share})()


def unreadable(number):
    return [SkippedRecording(f"{n}.wav", f"clips/{n}.wav", "cannot be decoded") for n in range(number)]


@pytest.mark.parametrize(
    ("numbers", "share", "severity"),
    [
        ((1, 1), 0.1, "warning"),
        ((2, 1), 0.1, "fatal"),  # 3 of 20 recordings in two splits
        ((10, 0), None, "warning"),  # half of a handful may go
        ((10, 1), None, "fatal"),
    ],
)
def test_the_data_sets_limit_sets_the_severity_of_skipped_recordings(
    numbers, share, severity, survey_of, split_of, part_of
):
    data = corpus("Corpus", share)
    train = split_of("train", parts=(part_of(data, 10, unreadable(numbers[0])),))
    val = split_of("val", 3, speaker=100, parts=(part_of(data, 10, unreadable(numbers[1])),))
    finding = found(survey_of(train, val))["skipped_recordings"]
    assert (finding.severity, finding.number) == (severity, sum(numbers))
    assert finding.examples[0] == "0.wav: cannot be decoded"
    assert ("max_skipped_share" in finding.text) == (severity == "fatal")


def test_one_bad_data_set_is_fatal_beside_good_ones(survey_of, split_of, part_of):
    good, bad = part_of(corpus("Corpus0", 0.1), 1000, []), part_of(corpus("Corpus1", 0.1), 10, unreadable(9))
    train = split_of("train", parts=(good, bad))
    finding = found(survey_of(train))["skipped_recordings"]
    assert finding.severity == "fatal"
    assert "Corpus1 skips 9 of 10" in finding.text


def test_skipped_synthetic_sentences_are_no_recordings(survey_of, split_of, part_of):
    recorded = part_of(corpus("Corpus", 0.1), 97, unreadable(3))
    synthetic = replace(part_of(corpus("Synthetic", 0.1), 1990, unreadable(10)), is_synthetic=True)
    for parts, title in (
        ((synthetic, recorded), "3 recordings of 97 and 10 synthetic sentences of 1,990 cannot be used"),
        ((synthetic,), "10 synthetic sentences of 1,990 cannot be used"),
    ):
        split = split_of("train", parts=parts)
        finding = found(survey_of(split))["skipped_recordings"]
        assert (finding.title, finding.number) == (title, sum(part.num_skipped for part in parts))
    assert split_of("train", parts=(synthetic, recorded)).num_skipped == len(unreadable(3))


def test_nothing_left_to_train_on_is_fatal(survey_of, split_of, part_of):
    parts = (part_of(corpus("Corpus", 1.0), 3, unreadable(3)),)
    findings = found(survey_of(split_of("train", 0, phonemes={}, parts=parts)))
    assert findings["nothing_to_train_on"].severity == "fatal"
    assert "never_trained_on" not in findings


def test_an_empty_validation_split_is_a_finding(survey_of, split_of):
    assert "nothing_to_judge_by" in found(survey_of(split_of("val", 0)))
    assert "nothing_to_judge_by" not in found(survey_of(split_of("test", 0)))


@pytest.mark.parametrize(
    ("clips", "seconds", "found_in"),
    [(30, 2.0, None), (29, 9.0, "29 clips, 261 s"), (59, 1.0, "59 clips, 59 s")],
)
def test_a_small_split_to_evaluate_on_is_a_finding(clips, seconds, found_in, survey_of, split_of):
    test = split_of("test", clips, num_samples=int(16000 * seconds), speaker=-1)
    finding = found(survey_of(test)).get("small_evaluation")
    assert (finding and finding.title) == (found_in and f"Few clips to evaluate on: test has {found_in}")


@pytest.mark.parametrize(("share", "is_found"), [(0.19, False), (0.21, True)])
def test_much_padding_is_a_finding(share, is_found, survey_of, split_of):
    train = split_of("train", batching=Batching(1, share, 4, 8.0, 1))
    assert ("padding" in found(survey_of(train))) == is_found


def test_missing_hardware_is_a_warning(survey_of):
    assert found(survey_of(hardware_fault="no GPU here"))["hardware"].severity == "warning"


def test_the_worst_comes_first(survey_of, split_of):
    train = split_of("train", rms=[0.1, 0.1, 0.1, 0.0], speaker=[-1, 0, 1, 2], unknown=Counter("x"))
    train.unknown_examples["x"] = ["train-0"]
    assert [finding.severity for finding in findings_of(survey_of(train))] == ["fatal", "warning", "note"]


def test_every_check_can_find_something(survey_of, split_of):
    """The tests above cover every check."""
    names = {check.key if isinstance(check, ClipCheck) else check.__name__ for check in CHECKS}
    assert len(names) == len(CHECKS) == 25


def test_texts_that_are_spoken_otherwise_are_found_by_kind(survey_of):
    odd = {
        "foreign script": OddTexts(3, ["a.wav (train): привет"]),
        "digits": OddTexts(1, ["b.wav (test): 5"]),
        "lost letters": OddTexts(1, ["c.wav (val): sar?"]),
    }
    findings = found(survey_of(odd_texts=odd))
    assert findings["odd_texts_foreign_script"].title == "3 texts with letters of a foreign script"
    assert findings["odd_texts_digits"].examples == ("b.wav (test): 5",)
    assert findings["odd_texts_digits"].number == 1
    assert findings["odd_texts_lost_letters"].title == "1 text with ? inside a sentence"
