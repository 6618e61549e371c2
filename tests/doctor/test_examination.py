"""Prepared clips become columns of numbers, splits become batches."""

import numpy as np
import pytest

from dataset_modules.batches.sampler import LengthBucketSampler
from dataset_modules.cache.clip_cache import PreparedSplit
from dataset_modules.labels.encoder import LabelEncoder
from dataset_modules.labels.skipping import SplitPart
from dataset_modules.labels.usable_clips import usable_clips
from doctor.examination import Surveyor, with_batching
from doctor.survey import RunPlan
from phonetics import Vocabulary

VOCABULARY = Vocabulary(("[PAD]", "[UNK]", "a", "b"))


class Corpus:
    max_skipped_share = 0.25
    converts_texts = False

    def recordings(self, split):
        return ()

    def backend_of(self, recordings):
        return object() if self.converts_texts else None


class TextCorpus(Corpus):
    converts_texts = True


class Study:
    """Surveys hand-made stores under one policy; a frame lasts 100 samples."""

    def __init__(self, policy: str = "drop") -> None:
        self.encode = LabelEncoder(VOCABULARY, policy)
        self.taker = Surveyor(self.encode, self.frames, 16000)

    @staticmethod
    def frames(num_samples):
        return num_samples // 100

    def __call__(self, name, *stores, corpus=Corpus, **given):
        return self.taker.survey(name, self.parts(name, *stores, corpus=corpus, **given))

    def parts(self, name, *stores, corpus=Corpus, **given):
        return [
            SplitPart(
                corpus(),
                name,
                PreparedSplit(store, "print", 0, ()),
                usable_clips(store, self.encode, self.frames),
                **given,
            )
            for store in stores
        ]


def wave(size, level=1000):
    return np.full(size, level)


def test_every_clip_of_every_store_is_a_row(store_of):
    study = Study()
    split = study(
        "train",
        store_of(("x", wave(1600), "ab", "anna"), ("y", wave(3200), "a", "bert")),
        store_of(),
        store_of(("z", wave(800), "b", "anna")),
    )
    assert split.clips["num_samples"].tolist() == [1600, 3200, 800]
    assert split.clips["frames"].tolist() == [16, 32, 8]
    assert split.clips["num_labels"].tolist() == [2, 1, 1]
    assert [split.id_of(row) for row in range(3)] == ["x", "y", "z"]
    assert study.taker.speakers == ("anna", "bert")
    assert split.clips["speaker"].tolist() == [0, 1, 0]
    assert len(split) == 3
    assert split.hours == pytest.approx(5600 / 16000 / 3600)


def test_copies_are_no_recordings(store_of):
    study = Study("skip")
    good, bad, mute = ("a", wave(1600), "ab", "anna"), ("b", wave(200), "aab"), ("c", wave(1600), "ø")
    copies = [(f"{one[0]}#{number}", *one[1:]) for one in (good, bad, mute) for number in (1, 2)]
    split = study("train", store_of(good, bad, mute, *copies), uses=3)
    assert [split.id_of(row) for row in range(len(split.clips))] == ["a", "b", "c"]
    assert split.clips["used"].tolist() == [True, False, False]
    assert split.phonemes == {"a": 1, "b": 1}
    (part,) = split.parts
    assert (part.num_recordings, part.num_skipped, part.num_copies) == (3, 2, 2)
    assert [skipped.id for skipped in part.skipped()] == ["b", "c"]


def test_synthetic_speech_is_left_out_beside_recordings(store_of):
    study = Study()
    recorded = study.parts("train", store_of(("x", wave(1600), "a", "anna")))
    synthetic = study.parts("train", store_of(("s", wave(1600), "bba", "robot")), is_synthetic=True)
    split = study.taker.survey("train", [*recorded, *synthetic])
    assert [split.id_of(row) for row in range(len(split.clips))] == ["x"]
    assert study.taker.speakers == ("anna",)
    assert split.phonemes == {"a": 1}
    assert split.trains("b")
    assert split.synthetic["b"] == 2


def test_synthetic_speech_alone_is_surveyed(store_of):
    split = Study()("train", store_of(("s", wave(1600), "ba", "robot")), is_synthetic=True)
    assert len(split) == 1
    assert not split.synthetic


def test_clips_that_training_skips_are_not_counted_as_used(store_of):
    study = Study("skip")
    split = study(
        "train",
        store_of(("x", wave(1600), "ab", "anna"), ("foreign", wave(1600), ["a", "ø"], "bert")),
        store_of(("crowded", wave(200), "aab", "carl"), ("z", wave(1600), "b", "anna")),
    )
    assert split.clips["used"].tolist() == [True, False, False, True]
    assert len(split) == 2
    assert split.hours == pytest.approx(3200 / 16000 / 3600)
    assert split.phonemes == {"a": 1, "b": 2}
    assert split.unknown == {"ø": 1}
    assert [study.taker.speakers[number] for number in split.speakers] == ["anna"]
    assert split.clips["frames_needed"][2] == 4
    assert [(part.num_recordings, part.num_skipped) for part in split.parts] == [(2, 1), (2, 1)]
    assert [skipped.id for part in split.parts for skipped in part.skipped()] == ["foreign", "crowded"]


def test_speakers_are_numbered_across_splits(store_of):
    study = Study()
    study("train", store_of(("x", wave(160), "a", "anna")))
    val = study(
        "val", store_of(("y", wave(160), "a", "anna"), ("z", wave(160), "a"), ("w", wave(160), "a", "carl"))
    )
    assert val.clips["speaker"].tolist() == [0, -1, 1]
    assert val.speakers.tolist() == [0, 1]


def test_unknown_phonemes_are_counted_with_examples(store_of):
    split = Study()("train", store_of(("x", wave(999), ["a", "ø", "ø"]), ("y", wave(999), ["ø", "|", "b"])))
    assert split.unknown == {"ø": 3}
    assert split.unknown_examples == {"ø": ["x", "y"]}
    assert split.clips["num_unknown"].tolist() == [2, 1]
    assert split.clips["num_labels"].tolist() == [1, 1]
    assert split.phonemes == {"a": 1, "b": 1, "ø": 3}


def test_batches_equal_those_of_the_sampler(store_of):
    store = store_of(*((str(n), wave(1600 * (1 + n % 3)), "a") for n in range(10)))
    split = Study()("train", store)
    sampler = LengthBucketSampler(split.clips["num_samples"], 16000, batch_size=4, shuffle=True, seed=3)
    batching = with_batching(split, sampler, RunPlan(accumulate=2)).batching
    batches = sampler.batches(0)
    padded = sum(split.clips["num_samples"][batch].max() * len(batch) for batch in batches)
    assert batching.num_batches == len(sampler) == 3
    assert batching.optimizer_steps == 2
    assert batching.padding_share == pytest.approx(1 - split.clips["num_samples"].sum() / padded)
    assert batching.largest_clips == 4
    assert batching.largest_seconds == pytest.approx(
        max(split.clips["num_samples"][batch].max() * len(batch) for batch in batches) / 16000
    )


@pytest.mark.parametrize(("limit", "expected"), [(0.4, 1), (2, 2), (50, 3), (None, 3)])
def test_steps_follow_the_limit_on_training_batches(store_of, limit, expected):
    store = store_of(*((str(n), wave(1600), "a") for n in range(10)))
    split = Study()("train", store)
    sampler = LengthBucketSampler(split.clips["num_samples"], 16000, batch_size=4, shuffle=True, seed=3)
    batching = with_batching(split, sampler, RunPlan(limit_batches=limit)).batching
    assert (batching.num_batches, batching.optimizer_steps) == (expected, expected)


def test_phonemes_are_counted_in_the_vocabularys_spelling(store_of):
    study = Study()
    study.taker.encode = LabelEncoder(Vocabulary(("[PAD]", "a", "g")), "drop")
    survey = study("train", store_of(("one", wave(2000), ["ɡ", "a", "g"])))
    assert survey.phonemes == {"g": 2, "a": 1}
    assert not survey.unknown
    study.taker.encode = LabelEncoder(Vocabulary(("[PAD]", "a", "l", "lː")), "drop")
    assert study("train", store_of(("one", wave(2000), ["a", "l", "l", "a"]))).phonemes == {"a": 2, "lː": 1}


def test_odd_texts_are_counted_where_labels_are_made_from_texts(store_of):
    clips = (("x", wave(1600), "ab", "anna", "press 1 <b>"), ("y", wave(1600), "a", None, "привет 2"))
    study = Study()
    study("train", store_of(*clips), corpus=TextCorpus)
    odd = study.taker.odd_texts
    assert {kind: texts.number for kind, texts in odd.items()} == {
        "markup": 1,
        "digits": 2,
        "foreign script": 1,
    }
    assert odd["digits"].examples == ["x (train): 1", "y (train): 2"]


def test_copies_of_a_recording_count_once(store_of):
    study = Study()
    clips = [(f"x#{number}", wave(1600), "ab", "anna", "press 1") for number in range(3)]
    study("train", store_of(*clips), corpus=TextCorpus)
    assert study.taker.odd_texts["digits"].number == 1


def test_texts_beside_phonemes_are_not_checked(store_of):
    study = Study()
    study("train", store_of(("x", wave(1600), "ab", "anna", "press 1")))
    assert study.taker.odd_texts == {}


def test_word_boundaries_are_no_phonemes(store_of):
    study = Study()
    study.taker.encode = LabelEncoder(Vocabulary(("[PAD]", "|", "a", "b")), "drop")
    split = study("train", store_of(("x", wave(16000), "a|ba|b", "anna")))
    assert split.clips["num_labels"].tolist() == [6]
    assert split.phonemes_per_second.tolist() == [4.0]
