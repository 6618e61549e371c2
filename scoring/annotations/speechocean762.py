"""speechocean762: Kaldi folders of recordings, and ``resource/scores.json`` with the grades of experts.

A phone is wrong if ``mispronunciations`` lists it, or if its grade, 0 to 2, is below 0.5.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dataset_modules.sources.annotations.formats.kaldi import kaldi_segments
from scoring.annotations.arpabet import arpabet_to_ipa, perceived
from scoring.annotations.contract import AnnotatedPhoneme, AnnotatedUtterance, AnnotatedWord
from untrusted.json_text import read_json

SPLITS = ("train", "test")
_MOST_BYTES = 256 * 2**20
_LEAST_RIGHT = 0.5


def speechocean762(folder: Path, split: str) -> Iterator[AnnotatedUtterance]:
    """Yield the utterances of a split."""
    graded = read_json(folder / "resource" / "scores.json", dict[str, Any], most_bytes=_MOST_BYTES)
    for segment in kaldi_segments(folder / split):
        name = segment.id or ""
        utterance = AnnotatedUtterance(name, segment.audio, speaker=segment.speaker, fault=segment.fault)
        try:
            if name not in graded:
                raise ValueError("scores.json must grade it, it does not")
            yield _graded(utterance, graded[name])
        except (AttributeError, KeyError, TypeError, IndexError) as error:
            yield utterance._replace(fault=f"scores.json must have its words and phones: {error!r}")
        except ValueError as error:
            yield utterance._replace(fault=str(error))


def _graded(utterance: AnnotatedUtterance, grades: Mapping[str, Any]) -> AnnotatedUtterance:
    words = map(_word, grades["words"])
    return utterance._replace(
        words=tuple(word for word in words if word.phonemes), grade=float(grades["total"])
    )


def _word(word: Mapping[str, Any]) -> AnnotatedWord:
    phones, accuracy = word["phones"], word["phones-accuracy"]
    phones = phones.split() if isinstance(phones, str) else phones
    wrong = {int(one["index"]): str(one["pronounced-phone"]) for one in word.get("mispronunciations") or ()}
    phonemes = [
        AnnotatedPhoneme(
            arpabet_to_ipa(phone),
            place not in wrong and float(grade) >= _LEAST_RIGHT,
            perceived(wrong[place]) if place in wrong else None,
            float(grade),
        )
        for place, (phone, grade) in enumerate(zip(phones, accuracy, strict=True))
    ]
    return AnnotatedWord(tuple(phonemes), float(word["accuracy"]))
