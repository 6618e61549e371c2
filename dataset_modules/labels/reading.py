"""The labels of a data set, read without preparing audio, to build or check a vocabulary."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from dataset_modules.base_dataset import BaseDataset, Split
from dataset_modules.recording import AudioError, Recording, labels_itself
from phonetics import GraphemeToPhoneme, IpaNormaliser, UnpronounceableError

_RECORDINGS_AT_ONCE = 256
_UNSPOKEN = (UnpronounceableError, UnicodeEncodeError)  # the latter: text that is not UTF-8


class RecordingLabel(NamedTuple):
    """The phonemes of a recording; empty if it is unlabelled."""

    place: str  # the recording's text, else its id
    phonemes: tuple[str, ...]


def read_labels(dataset: BaseDataset, split: Split) -> Iterator[RecordingLabel]:
    """Yield the labels of a split in their prepared spelling; a few hundred are in memory at once."""
    recordings = dataset.recordings(split)
    backend = dataset.backend_of(recordings)
    normalise = dataset.normalisation or IpaNormaliser()
    waiting = iter(recordings)
    while part := list(islice(waiting, _RECORDINGS_AT_ONCE)):
        spoken = _spoken(part, backend)
        for recording in part:
            phonemes = _stated(recording)
            if phonemes is None:
                phonemes = normalise(recording.phonemes or spoken.get(recording.text or "", ()))
            yield RecordingLabel(recording.text or recording.id, phonemes)


def _stated(recording: Recording) -> tuple[str, ...] | None:
    """Return the phonemes of an audio source that labels itself; None for other recordings."""
    if recording.phonemes is None and labels_itself(recording.audio):
        try:
            return recording.audio.read().phonemes
        except AudioError:
            return ()
    return None


def _spoken(recordings: Sequence[Recording], backend: GraphemeToPhoneme | None) -> dict[str, tuple[str, ...]]:
    texts = [recording.text for recording in recordings if recording.phonemes is None and recording.text]
    return phonemes_of_texts(backend, texts) if backend else {}


def phonemes_of_texts(backend: GraphemeToPhoneme, texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Map each text to its phonemes; texts that the backend cannot pronounce are left out."""
    try:
        return dict(zip(texts, backend.batch(texts), strict=True))
    except _UNSPOKEN:
        return {text: phonemes for text in texts if (phonemes := _or_nothing(backend, text))}


def _or_nothing(backend: GraphemeToPhoneme, text: str) -> tuple[str, ...]:
    try:
        return backend(text)
    except _UNSPOKEN:
        return ()
