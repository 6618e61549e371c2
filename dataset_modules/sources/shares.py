"""Shares of recordings, chosen by name, so that the choice survives reordering and additions."""

import hashlib
from collections.abc import Iterable
from typing import Literal

from dataset_modules.recording import SPLITS, Recording, Split
from dataset_modules.sources.annotations.audio_part import AudioPart
from dataset_modules.sources.packed_recordings import PackedRecordings

SplitBy = Literal["speaker", "recording"]

_RANGE = 2**64


def stable_fraction(key: str) -> float:
    """Return a number in [0, 1) that depends on the key alone; numbers are spread evenly over keys.

    >>> stable_fraction("speaker 1") == stable_fraction("speaker 1") != stable_fraction("speaker 2")
    True
    """
    try:
        content = key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # JSON can spell surrogates that stand for no byte
        content = key.encode("utf-8", "surrogatepass")
    number = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
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


def divided(
    recordings: Iterable[Recording], *, val: float, test: float = 0.0, by: SplitBy = "speaker"
) -> dict[Split, PackedRecordings]:
    """Divide recordings into training, validation and test; a speaker's recordings stay together.

    A file without a known speaker counts as a speaker; where they are divided ``by`` recording, every
    recording does. The shares are shares of speakers: with few speakers, the shares of recordings may
    differ widely from them. Added recordings do not move others.

    >>> recordings = [Recording(str(index), audio=None, speaker="anna") for index in range(9)]
    >>> [len(part) for part in divided(recordings, val=0.5).values()] in ([9, 0, 0], [0, 9, 0])
    True
    >>> [len(part) for part in divided(recordings, val=0.2, test=0.2, by="recording").values()]
    [5, 1, 3]
    """
    parts: dict[Split, PackedRecordings] = {split: PackedRecordings() for split in SPLITS}
    for recording in recordings:
        place = stable_fraction(_speaker_of(recording) if by == "speaker" else recording.id)
        parts["val" if place < val else "test" if place < val + test else "train"].append(recording)
    return parts


def _speaker_of(recording: Recording) -> str:
    audio = recording.audio
    return recording.speaker or (audio.path.name if isinstance(audio, AudioPart) else recording.id)
