"""Shares of recordings, chosen by name, so that the choice survives reordering and additions."""

import hashlib
from collections.abc import Iterable

from dataset_modules.recording import Recording
from dataset_modules.sources.annotations.audio_part import AudioPart
from dataset_modules.sources.packed_recordings import PackedRecordings

_RANGE = 2**64


def stable_fraction(key: str) -> float:
    """Return a number in [0, 1) that depends on the key alone; numbers are spread evenly over keys.

    >>> stable_fraction("speaker 1") == stable_fraction("speaker 1") != stable_fraction("speaker 2")
    True
    """
    number = int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()[:8], "big")
    return min(number / _RANGE, 1 - 2**-53)  # the largest numbers would be rounded up to 1


def in_share(key: str, share: float) -> bool:
    """Return whether a key belongs to a share of all keys; a larger share contains every smaller one.

    >>> in_share("clip", 0.0), in_share("clip", 1.0)
    (False, True)
    """
    return stable_fraction(key) < share


def check_share(owner: str, **shares: float) -> None:
    """Raise ``ValueError`` for a share outside 0…1.

    >>> check_share("CustomAudioDataset", validation_split=1.5)
    Traceback (most recent call last):
    ValueError: CustomAudioDataset: validation_split must be in 0…1, got 1.5
    """
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"{owner}: {name} must be in 0…1, got {share}")


def split_by_speaker(
    recordings: Iterable[Recording], validation_share: float
) -> tuple[PackedRecordings, PackedRecordings]:
    """Divide recordings into training and validation; a speaker's recordings stay together.

    A file without a known speaker counts as a speaker. The share is a share of speakers: with few
    speakers, the share of recordings may differ widely from it. Added recordings do not move others.

    >>> recordings = [Recording(str(index), audio=None, speaker="anna") for index in range(9)]
    >>> train, val = split_by_speaker(recordings, 0.5)
    >>> len(train) in (0, 9) and len(train) + len(val) == 9
    True
    """
    train, val = PackedRecordings(), PackedRecordings()
    for recording in recordings:
        audio = recording.audio
        file = audio.path.name if isinstance(audio, AudioPart) else recording.id
        key = recording.speaker or file
        (val if in_share(key, validation_share) else train).append(recording)
    return train, val
