"""The labels of a data set, read without preparing audio, to build or check a vocabulary."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from dataset_modules.base_dataset import BaseDataset, Split
from dataset_modules.cache.clip_preparation import phonemes_of_texts
from dataset_modules.recording import (
    AudioError,
    Recording,
    UnusableAudio,
    labels_itself,
    needing_phonemes,
    said_in,
)
from phonetics import IpaNormaliser

_RECORDINGS_AT_ONCE = 256


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
        texts = [recording.text or "" for recording in needing_phonemes(part)]
        spoken = phonemes_of_texts(backend, texts)
        for recording in part:
            phonemes = _stated(recording)
            if phonemes is None:
                stated = said_in(recording) or recording.phonemes
                phonemes = normalise(stated or spoken.get(recording.text or "", ()))
            yield RecordingLabel(recording.text or recording.id, phonemes)


def _stated(recording: Recording) -> tuple[str, ...] | None:
    """Return the phonemes of an audio source that labels itself, none of a skipped one; None for others."""
    if isinstance(recording.audio, UnusableAudio):
        return ()
    if recording.phonemes is None and labels_itself(recording.audio):
        try:
            return recording.audio.read().phonemes
        except AudioError:
            return ()
    return None
