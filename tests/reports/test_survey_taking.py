"""A stream of clips becomes columns of figures."""

import numpy as np
import pytest

from dataset_modules.sampler import LengthBucketSampler
from phonetics import Vocabulary
from reports.survey_taking import SurveyTaker, frames_needed, training_labels, with_batching

VOCABULARY = Vocabulary(("[PAD]", "[UNK]", "a", "b"))
WORDS = Vocabulary(("[PAD]", "[UNK]", "a", "b", "|"))


def taker(vocabulary=VOCABULARY, policy="drop"):
    return SurveyTaker(vocabulary, policy, lambda samples: samples // 100, 16000)


def wave(size, level=1000):
    return np.full(size, level)


def test_every_clip_of_every_store_is_a_row(store_of):
    stores = [
        store_of(("x", wave(1600), "ab", "anna"), ("y", wave(3200), "a", "bert")),
        store_of(),
        store_of(("z", wave(800), "b", "anna")),
    ]
    survey_taker = taker()
    split = survey_taker.survey("train", stores)
    assert split.clips.num_samples.tolist() == [1600, 3200, 800]
    assert split.clips.frames.tolist() == [16, 32, 8]
    assert split.clips.num_labels.tolist() == [2, 1, 1]
    assert [split.id_of(row) for row in range(3)] == ["x", "y", "z"]
    assert survey_taker.speakers == ("anna", "bert")
    assert split.clips.speaker.tolist() == [0, 1, 0]
    assert split.hours == pytest.approx(5600 / 16000 / 3600)


def test_speakers_are_numbered_across_splits(store_of):
    survey_taker = taker()
    survey_taker.survey("train", [store_of(("x", wave(160), "a", "anna"))])
    val = survey_taker.survey(
        "val", [store_of(("y", wave(160), "a", "anna"), ("z", wave(160), "a"), ("w", wave(160), "a", "carl"))]
    )
    assert val.clips.speaker.tolist() == [0, -1, 1]
    assert val.speakers.tolist() == [0, 1]


def test_unknown_phonemes_are_counted_with_examples(store_of):
    store = store_of(("x", wave(160), ["a", "ø", "ø"]), ("y", wave(160), ["ø", "|", "b"]))
    split = taker().survey("train", [store])
    assert split.unknown == {"ø": 3}
    assert split.unknown_examples == {"ø": ["x", "y"]}
    assert split.clips.num_unknown.tolist() == [2, 1]
    assert split.phonemes == {"a": 1, "b": 1, "ø": 3}


@pytest.mark.parametrize(
    ("vocabulary", "policy", "labels"),
    [
        (VOCABULARY, "drop", ["a", "b"]),
        (VOCABULARY, "refuse", ["a", "b"]),
        (VOCABULARY, "map_to_unknown", ["a", "[UNK]", "b"]),
        (WORDS, "drop", ["a", "|", "b"]),
        (Vocabulary(("[PAD]", "a", "b")), "map_to_unknown", ["a", "b"]),
    ],
)
def test_labels_are_those_that_training_would_use(vocabulary, policy, labels):
    assert training_labels(["a", "ø", "|", "b"], vocabulary, policy) == labels


@pytest.mark.parametrize(("labels", "needed"), [("", 0), ("a", 1), ("ab", 2), ("aa", 3), ("aabbb", 8)])
def test_frames_needed_are_those_of_ctc(labels, needed):
    """torch's loss is finite from exactly this number of frames on."""
    import torch
    from torch.nn import functional as F

    assert frames_needed(labels) == needed
    targets = torch.tensor([["_ab".index(label) for label in labels]], dtype=torch.long)
    for frames in range(max(1, needed - 1), needed + 1):
        log_probs = torch.zeros(frames, 1, 3).log_softmax(-1)
        loss = F.ctc_loss(log_probs, targets, torch.tensor([frames]), torch.tensor([len(labels)]))
        assert bool(torch.isfinite(loss)) == (frames >= needed)


def test_batches_are_the_samplers_own(store_of):
    store = store_of(*((str(n), wave(1600 * (1 + n % 3)), "a") for n in range(10)))
    split = taker().survey("train", [store])
    sampler = LengthBucketSampler(split.clips.num_samples, 16000, batch_size=4, shuffle=True, seed=3)
    batching = with_batching(split, sampler, accumulate=2).batching
    batches = sampler.batches(0)
    padded = sum(split.clips.num_samples[batch].max() * len(batch) for batch in batches)
    assert batching.num_batches == len(sampler) == 3
    assert batching.optimizer_steps == 2
    assert batching.padding_share == pytest.approx(1 - split.clips.num_samples.sum() / padded)
    assert batching.largest_clips == 4
    assert batching.largest_seconds == pytest.approx(
        max(split.clips.num_samples[batch].max() * len(batch) for batch in batches) / 16000
    )
