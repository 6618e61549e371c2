"""Measure scores on speech with one wrong phoneme: ``python benchmarks/spoken_errors.py EXPERIMENT``.

espeak-ng speaks each sentence of a synthetic test set (of a recorded one, its texts) as it is, and with one
letter of its text replaced, such that exactly one phoneme differs, stress marks included. All are scored
against the phonemes of the original text: the wrong place and what was said there are known. Measured are
how well the score finds these places (against the confidence of ``align``), how often the diagnosis names
what was said, and how far the scores of phonemes two or more places away move. Each half of the sentences
has the calibration fitted on the other half; in ten bins of equal width, the mean probability of being wrong
is compared with the share of wrong phonemes and its interval by sentence.
"""

import argparse
import itertools
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.pronunciation_scores import LEAST_AUC, LEAST_DIAGNOSED, Place, detection  # noqa: E402
from benchmarks.respelled_texts import Phonemes, spoken_errors  # noqa: E402
from cli.configuration.configured_datasets import located_datasets  # noqa: E402
from dataset_modules.recording import Recording  # noqa: E402
from dataset_modules.sources.synthesis.espeak_synthesiser import VoiceSettings  # noqa: E402
from dataset_modules.synthetic import TEST_VOICES, SpokenSentence  # noqa: E402
from evaluation.intervals import rate_interval, sums_by_unit  # noqa: E402
from experiment.contents import read_configuration  # noqa: E402
from experiment.folder import find_checkpoint  # noqa: E402
from experiment.layout import experiment_of  # noqa: E402
from inference.recognizer import Recognizer  # noqa: E402
from inference.streaming.audio_stream import AudioSamples  # noqa: E402
from models.ctc import force_align  # noqa: E402
from phonetics import WORD_DELIMITER, IpaNormaliser  # noqa: E402
from phonetics.articulation import PhonemeInventory  # noqa: E402
from phonetics.text_to_phonemes.espeak import EspeakPhonemes  # noqa: E402
from scoring.annotations.contract import AnnotatedScore  # noqa: E402
from scoring.calibration import fit_calibration  # noqa: E402
from scoring.candidates import candidate_table  # noqa: E402
from scoring.evidence import place_evidence  # noqa: E402
from scoring.expected import expected_sequence  # noqa: E402
from scoring.place_score import PlaceScore, place_scores  # noqa: E402

_BINS, _MOST_CHANGE = 10, 0.1


class SpokenPlace(NamedTuple):
    """An expected phoneme in a recording with one wrong phoneme."""

    row: AnnotatedScore
    confidence: float  # of align
    distance: int  # phonemes from the wrong one
    change: float  # of gop, relative to the recording without an error


class ErrorSpeaker:
    """Speaks sentences without and with errors, and scores both against the phonemes without one.

    Args:
        recognizer: gives the frames.
        letters: what a letter may be replaced by.
        num_errors: the recordings with an error for each sentence.
        alike: whether vowels become vowels and consonants become consonants.
    """

    def __init__(
        self, recognizer: Recognizer, letters: Sequence[str], num_errors: int, *, alike: bool
    ) -> None:
        self._recognizer, self._letters, self._num_errors = recognizer, letters, num_errors
        self._vocabulary, self._alike = recognizer.model.vocabulary, alike
        self._manner_of = PhonemeInventory(self._vocabulary.phonemes).manner_of

    def __call__(self, recording: Recording) -> Iterator[SpokenPlace]:
        """Yield the places of each recording with an error."""
        sentence, convert = recording.audio, EspeakPhonemes(recording.language)
        expected = sentence.normalise(convert(sentence.text))
        if not {WORD_DELIMITER, *self._vocabulary.phonemes}.issuperset(expected):
            return
        original = [score for score, *_ in self._scored(sentence, expected)]
        errors = spoken_errors(
            *(sentence.text, self._letters, convert.batch, sentence.normalise, self._admits),
            random.Random(recording.id),
        )
        for error in itertools.islice(errors, self._num_errors):
            wrong = error.place - expected[: error.place].count(WORD_DELIMITER)
            scored = self._scored(sentence._replace(text=error.text), expected)
            for place, (score, symbol, confidence) in enumerate(scored):
                said = error.said if place == wrong else None
                row = AnnotatedScore(
                    *(recording.id, str(recording.speaker), symbol, score.gop),
                    *(place != wrong, said, score.said),
                )
                yield SpokenPlace(row, confidence, abs(place - wrong), score.gop - original[place].gop)

    def _admits(self, expected: str, said: str) -> bool:
        if said not in self._vocabulary.phonemes or WORD_DELIMITER in (expected, said):
            return False
        return not self._alike or len({self._manner_of(one) == "vowel" for one in (expected, said)}) == 1

    def _scored(self, sentence: SpokenSentence, expected: Phonemes) -> list[tuple[PlaceScore, str, float]]:
        """Speak a sentence; return scores of the expected phonemes, their symbols and align's confidences."""
        clip, vocabulary = sentence.read(), self._vocabulary
        log_probs = self._recognizer.scores(AudioSamples(clip.waveform, clip.sampling_rate))
        labels = expected_sequence(expected, vocabulary).labels
        evidence = place_evidence(log_probs, labels, vocabulary.blank_id)
        scores = place_scores(evidence, labels, vocabulary, candidate_table(vocabulary))
        spans = force_align(log_probs, labels, vocabulary.blank_id)
        return [
            (score, vocabulary.tokens[label], span.confidence)
            for score, label, span in zip(scores, labels, spans, strict=True)
            if score is not None
        ]


class Bin(NamedTuple):
    """Phonemes of similar probability of being wrong: its mean, the share of wrong ones and its interval."""

    phonemes: int
    predicted: float
    observed: float
    low: float
    high: float

    @property
    def is_honest(self) -> bool:
        """Whether the interval holds the prediction."""
        return self.low <= self.predicted <= self.high


def reliability(rows: Sequence[AnnotatedScore]) -> list[Bin]:
    """Calibrate on each half of the sentences, and compare the probabilities of the other half in equal bins.

    A bin of too few sentences for an interval is left out.
    """
    fitted = set(sorted({row.utterance for row in rows})[::2])
    first, second = (
        [row for row in rows if (row.utterance in fitted) == is_first] for is_first in (True, False)
    )
    measured = [*first, *second]
    chances = np.array([*_wrong_chances(second, first), *_wrong_chances(first, second)])
    wrong = np.array([not row.is_right for row in measured])
    numbers = np.minimum((chances * _BINS).astype(int), _BINS - 1)
    found = []
    for places in (np.flatnonzero(numbers == number) for number in range(_BINS)):
        keys = [measured[place].utterance for place in places]
        interval = rate_interval(*sums_by_unit(keys, wrong[places], np.ones(len(keys)))) if keys else None
        if interval is not None:
            found.append(Bin(len(keys), float(chances[places].mean()), *interval[:3]))
    return found


def _wrong_chances(fitted: Sequence[AnnotatedScore], measured: Sequence[AnnotatedScore]) -> list[float]:
    curves = fit_calibration(fitted, "all").probabilities
    return [1.0 - float(curves.of(row.symbol).at(row.gop)) for row in measured]


def measurements(places: Sequence[SpokenPlace]) -> dict[str, object]:
    """Compute everything that is measured."""
    bins = reliability([place.row for place in places])
    return {
        **detection([_as_place(place) for place in places]),
        "change": round(float(np.median([abs(place.change) for place in places if place.distance >= 2])), 4),
        "honest bins": f"{sum(one.is_honest for one in bins)} of {len(bins)}",
        "bins": [[round(value, 4) for value in one] for one in bins],
    }


def _as_place(place: SpokenPlace) -> Place:
    row = place.row
    return Place(row.utterance, not row.is_right, -row.gop, -place.confidence, row.found == row.said)


def is_reached(measured: Mapping[str, Any]) -> bool:
    """Whether all targets are reached."""
    reached, bins = measured["honest bins"].split(" of ")
    return (
        measured["AUC"][0] >= LEAST_AUC
        and measured["difference"][1] > 0
        and measured["diagnosed"] >= LEAST_DIAGNOSED
        and measured["change"] < _MOST_CHANGE
        and reached == bins
    )


def sentences_of(experiment: Path, most: int) -> list[Recording]:
    """Return the sentences of the test set; the texts of recordings are spoken by voices of the test set."""
    voices = itertools.cycle(TEST_VOICES)
    sentences = []
    for dataset in located_datasets(dict(read_configuration(experiment)["data"])):
        for recording in dataset.get_test_data():
            language = str(recording.language or dataset.language)
            if isinstance(recording.audio, SpokenSentence):
                sentences.append(recording)
            elif recording.text:
                voice = next(voices)
                audio = SpokenSentence(recording.text, VoiceSettings(f"{language}+{voice}"), IpaNormaliser())
                sentences.append(recording._replace(audio=audio, language=language, speaker=voice))
    return sentences[:most]


def main() -> int:
    """Measure and print; return exit status 1 where a target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", help="a folder, a name under experiments/, or a checkpoint in one")
    parser.add_argument("--most", type=int, default=200, help="sentences")
    parser.add_argument("--errors", type=int, default=3, help="recordings with an error for each sentence")
    parser.add_argument("--alike", action="store_true", help="vowels become vowels, consonants consonants")
    options = parser.parse_args()
    checkpoint = find_checkpoint("scoring", options.experiment)
    experiment = experiment_of(checkpoint)
    if experiment is None:
        parser.error("the checkpoint must lie in an experiment's folder")
    sentences = sentences_of(experiment, options.most)
    letters = sorted({letter for one in sentences for letter in str(one.text).lower() if letter.isalpha()})
    speaker = ErrorSpeaker(
        Recognizer.from_checkpoint(checkpoint), letters, options.errors, alike=options.alike
    )
    measured = measurements([place for sentence in sentences for place in speaker(sentence)])
    print(json.dumps(measured, indent=1))
    return 0 if is_reached(measured) else 1


if __name__ == "__main__":
    sys.exit(main())
