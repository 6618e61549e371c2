"""Rows and JSON show the same numbers."""

import json
from collections import Counter

import numpy as np

from dataset_modules.recording import SkippedRecording
from doctor.findings.every_finding import findings_of
from doctor.survey import Batching
from doctor.tables import (
    BATCH_HEADERS,
    SPLIT_HEADERS,
    as_json,
    batch_rows,
    phoneme_rows,
    split_rows,
    steps_in_all,
)


class One:
    """A data set."""


class Two:
    """Another data set."""


def unreadable(number):
    return [SkippedRecording(str(n), f"{n}.wav", "empty") for n in range(number)]


def test_a_split_is_one_row(survey_of, split_of, part_of):
    parts = (part_of(One(), 9, unreadable(2)),)
    train = split_of("train", num_samples=[16000, 32000, 48000, 48000], parts=parts, speaker=[0, 0, 1, -1])
    row = dict(zip(SPLIT_HEADERS, split_rows(survey_of(train))[0], strict=True))
    assert row == {
        "split": "train",
        "clips": 4,
        "hours": 0.003,  # 9 s
        "speakers": 2,
        "shortest s": 1.0,
        "median s": 2.5,
        "longest s": 3.0,
        "skipped": 2,
    }


def test_splits_with_batches_are_rows(survey_of, split_of):
    train = split_of("train", batching=Batching(7, 0.125, 3, 9.5, 4))
    assert batch_rows(survey_of(train)) == [["train", 7, 3, 9.5, 12.5, 4]]
    assert len(BATCH_HEADERS) == 6


def test_phonemes_of_labels_and_vocabulary_are_sorted_by_count(survey_of, split_of):
    train = split_of("train", phonemes={"b": 9, "ø": 30})
    rows = phoneme_rows(survey_of(train))
    assert [row[0] for row in rows] == ["ø", "b", "a"]
    assert rows[0] == ["ø", 30, 0, 0, "no"]
    assert rows[2] == ["a", 0, 500, 500, "yes"]


def test_every_skipped_recording_is_listed(survey_of, split_of, part_of):
    parts = (part_of(One(), 9, unreadable(1)), part_of(Two(), 9, unreadable(1)))
    survey = survey_of(split_of("val", 3, speaker=100 + np.arange(3), parts=parts))
    first, last = as_json(survey, [])["skipped"]
    assert first == {"split": "val", "dataset": "One", "id": "0", "path": "0.wav", "reason": "empty"}
    assert last == {"split": "val", "dataset": "Two", "id": "0", "path": "0.wav", "reason": "empty"}


def test_steps_are_bounded_by_epochs_and_by_steps(survey_of, split_of):
    train = split_of("train", batching=Batching(7, 0.0, 3, 9.5, 4))
    assert steps_in_all(survey_of(train)) is None
    assert steps_in_all(survey_of(train, max_epochs=3)) == 12
    assert steps_in_all(survey_of(train, max_epochs=3, max_steps=10)) == 10
    assert steps_in_all(survey_of(max_steps=10)) == 10


def test_json_holds_all_numbers_and_survives_a_round_trip(survey_of, split_of):
    unknown = {"unknown": Counter({"ø": 3}), "unknown_examples": {"ø": ["x"]}}
    survey = survey_of(
        split_of("train", frames=[0, 99, 99, 99], used=[False, True, True, True], **unknown),
        split_of("test", 0, phonemes={}),
    )
    numbers = json.loads(json.dumps(as_json(survey, findings_of(survey))))
    assert numbers["training_would_fail"] is True
    assert [finding["key"] for finding in numbers["findings"]][0] == "unknown_phonemes"
    train, test = numbers["splits"]["train"], numbers["splits"]["test"]
    assert (train["clips"], train["labels"], train["frames"]) == (3, 60, 297)
    assert train["clips_that_cannot_hold_their_labels"] == 1
    assert train["unknown_phonemes"] == {"ø": 3}
    assert train["speakers"] == ["voice1", "voice2", "voice3"]
    assert test["median_seconds"] is None
    assert "NaN" not in json.dumps(numbers)
