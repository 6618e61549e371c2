"""The labels of a data set without preparing its audio: what a vocabulary has to hold."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from dataset_modules.base_dataset import BaseDataset, Split
from dataset_modules.recording import AudioError, Recording, labels_itself
from phonetics import GraphemeToPhoneme, IpaNormaliser, UnpronounceableError

_RECORDINGS_AT_ONCE = 256
_UNSPOKEN = (UnpronounceableError, UnicodeEncodeError)  # the latter: bytes that are no UTF-8


class Label(NamedTuple):
    """The phonemes of a recording; none where it is unlabelled."""

    place: str  # its text, else its id
    phonemes: tuple[str, ...]


def labels_of(dataset: BaseDataset, split: Split) -> Iterator[Label]:
    """The labels of a split, as preparing it would spell them; holds a few hundred in memory."""
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
            yield Label(recording.text or recording.id, phonemes)


def _stated(recording: Recording) -> tuple[str, ...] | None:
    """What the source of the audio itself says; only sources that make audio, or label it, know."""
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
    """Phonemes by text; nothing for a text that the backend cannot pronounce."""
    try:
        return dict(zip(texts, backend.batch(texts), strict=True))
    except _UNSPOKEN:
        return {text: phonemes for text in texts if (phonemes := _or_nothing(backend, text))}


def _or_nothing(backend: GraphemeToPhoneme, text: str) -> tuple[str, ...]:
    try:
        return backend(text)
    except _UNSPOKEN:
        return ()
