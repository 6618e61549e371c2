"""Measure scores of pronunciation: ``python benchmarks/pronunciation_scores.py EXPERIMENT``.

In each utterance of the experiment's test set, one reference phoneme is swapped for another one: a wrong
phoneme whose place and true name are known. Measured are how well the score finds these places (against the
confidence of ``align``), how often the diagnosis names the phoneme that was said, what the score costs
relative to the network's forward pass, and how much faster it is than one call of the loss for each edit.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cli.configuration.configured_datasets import located_datasets  # noqa: E402
from dataset_modules.base_dataset import Split  # noqa: E402
from dataset_modules.sources.audio import from_pcm16  # noqa: E402
from evaluation.ranking import area_under_curve, resampled_interval  # noqa: E402
from experiment.contents import read_configuration  # noqa: E402
from experiment.folder import find_checkpoint  # noqa: E402
from experiment.layout import experiment_of  # noqa: E402
from inference.recognizer import Recognizer  # noqa: E402
from inference.streaming.audio_stream import AudioSamples  # noqa: E402
from models.ctc import force_align  # noqa: E402
from phonetics import Vocabulary  # noqa: E402
from scoring.candidates import candidate_table  # noqa: E402
from scoring.evidence import place_evidence  # noqa: E402
from scoring.place_score import place_scores  # noqa: E402

LEAST_AUC, LEAST_DIAGNOSED, _MOST_COST, _LEAST_SPEEDUP = 0.97, 0.8, 1.5, 20.0


class Utterance(NamedTuple):
    """The frames of a recording, what was said in it, and what the network took for them."""

    log_probs: Tensor  # (T, V)
    said: list[int]
    forward_seconds: float


class Place(NamedTuple):
    """One expected phoneme; higher scores mean that it is wrong."""

    utterance: str
    is_wrong: bool
    score: float
    by_confidence: float  # of align
    is_diagnosed: bool


def utterances(recognizer: Recognizer, experiment: Path, split: Split) -> Iterator[Utterance]:
    """Yield the utterances of a split whose phonemes the vocabulary has."""
    model = recognizer.model
    for dataset in located_datasets(dict(read_configuration(experiment)["data"])):
        clips = dataset.prepare(split, model.audio_params).clips
        for clip in (clips[index] for index in range(len(clips))):
            if any(model.vocabulary.id_of(name) is None for name in clip.phonemes):
                continue
            stream = AudioSamples(from_pcm16(clip.samples), model.audio_params.sampling_rate)
            started = time.perf_counter()
            log_probs = recognizer.scores(stream)
            yield Utterance(log_probs, model.vocabulary.encode(clip.phonemes), time.perf_counter() - started)


def swapped(said: Sequence[int], phonemes: Sequence[int], seed: int) -> tuple[list[int], int]:
    """Replace one phoneme by another; return the sequence and the place."""
    generator = np.random.default_rng(seed)
    places = [place for place, label in enumerate(said) if label in phonemes]
    place = int(generator.choice(places))
    others = [label for label in phonemes if label != said[place]]
    return [*said[:place], int(generator.choice(others)), *said[place + 1 :]], place


def places_of(number: int, utterance: Utterance, vocabulary: Vocabulary) -> tuple[list[Place], float]:
    """Score an utterance with one phoneme swapped; return its places and the seconds that the score took."""
    phonemes = [vocabulary.ids[name] for name in vocabulary.phonemes]
    expected, place = swapped(utterance.said, phonemes, number)
    spans = force_align(utterance.log_probs, expected, vocabulary.blank_id)
    table = candidate_table(vocabulary)
    started = time.perf_counter()
    evidence = place_evidence(utterance.log_probs, expected, vocabulary.blank_id)
    scores = place_scores(evidence, expected, vocabulary, table)
    seconds = time.perf_counter() - started
    true = vocabulary.tokens[utterance.said[place]]
    places = [
        Place(str(number), index == place, -score.gop, -span.confidence, score.said == true)
        for index, (score, span) in enumerate(zip(scores, spans, strict=True))
        if score is not None
    ]
    return places, seconds


def detection(places: Sequence[Place]) -> dict[str, object]:
    """Compute the areas under both curves, their paired difference and the share of right diagnoses."""
    wrong = np.array([place.is_wrong for place in places])
    score, confidence = np.array([(place.score, place.by_confidence) for place in places]).T
    keys = [place.utterance for place in places]

    def interval(statistic: Callable[[np.ndarray], float]) -> list[float]:
        found = resampled_interval(statistic, keys)
        return [] if found is None else [round(float(value), 4) for value in found[:3]]

    return {
        "wrong phonemes": int(wrong.sum()),
        "right phonemes": int((~wrong).sum()),
        "AUC": interval(lambda rows: area_under_curve(score[rows], wrong[rows])),
        "AUC of align's confidence": interval(lambda rows: area_under_curve(confidence[rows], wrong[rows])),
        "difference": interval(
            lambda rows: (
                area_under_curve(score[rows], wrong[rows]) - area_under_curve(confidence[rows], wrong[rows])
            )
        ),
        "diagnosed": round(float(np.mean([place.is_diagnosed for place in places if place.is_wrong])), 4),
    }


def speedup(num_phonemes: int = 50, num_frames: int = 200, size: int = 50) -> dict[str, float]:
    """Compare the fast form with one call of the loss for every sequence that has one phoneme replaced."""
    generator = torch.Generator().manual_seed(0)
    log_probs = torch.randn(num_frames, size, generator=generator).log_softmax(dim=-1)
    labels = torch.randint(1, size, (num_phonemes,), generator=generator)
    started = time.perf_counter()
    for place in range(num_phonemes):
        edited = labels.repeat(size - 1, 1)
        edited[:, place] = torch.arange(1, size)
        scores = log_probs[:, None].expand(-1, size - 1, -1)
        lengths = [num_frames] * (size - 1), [num_phonemes] * (size - 1)
        torch.nn.functional.ctc_loss(scores, edited, *lengths, reduction="none")
    enumerated, started = time.perf_counter() - started, time.perf_counter()
    place_evidence(log_probs, labels.tolist(), 0)
    fast = time.perf_counter() - started
    return {"enumeration_s": round(enumerated, 3), "fast_s": round(fast, 4), "ratio": enumerated / fast}


def main() -> int:
    """Measure and print; return exit status 1 where a target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", help="a folder, a name under experiments/, or a checkpoint in one")
    parser.add_argument("--split", choices=["val", "test"], default="test")
    parser.add_argument("--most", type=int, default=200, help="utterances")
    options = parser.parse_args()
    checkpoint = find_checkpoint("scoring", options.experiment)
    experiment = experiment_of(checkpoint)
    if experiment is None:
        parser.error("the checkpoint must lie in an experiment's folder")
    recognizer = Recognizer.from_checkpoint(checkpoint)
    places: list[Place] = []
    forward = score = 0.0
    for number, utterance in enumerate(utterances(recognizer, experiment, options.split)):
        if number == options.most:
            break
        found, seconds = places_of(number, utterance, recognizer.model.vocabulary)
        places += found
        forward, score = forward + utterance.forward_seconds, score + seconds
    detected, speed = detection(places), speedup()
    cost = {"forward_s": round(forward, 3), "score_s": round(score, 3), "ratio": round(score / forward, 3)}
    print(json.dumps({**detected, "cost": cost, "50 phonemes": speed}, indent=1))
    has_all = (
        area_under_curve([place.score for place in places], [place.is_wrong for place in places]) >= LEAST_AUC
        and float(str(detected["diagnosed"])) >= LEAST_DIAGNOSED
        and cost["ratio"] <= _MOST_COST
        and speed["ratio"] >= _LEAST_SPEEDUP
    )
    return 0 if has_all else 1


if __name__ == "__main__":
    sys.exit(main())
