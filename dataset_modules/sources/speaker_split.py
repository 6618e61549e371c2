"""Setting recordings aside for validation: whole speakers, and the same ones when others are added."""

from collections.abc import Sequence

from dataset_modules.recording import Recording
from dataset_modules.sources.shares import in_share


def split_by_speaker(
    recordings: Sequence[Recording], validation_share: float
) -> tuple[list[Recording], list[Recording]]:
    """Recordings to train on and to validate on.

    A speaker's recordings stay together; a recording without a known speaker goes by its own id. The
    share is one of speakers, so with few of them the share of recordings may be far from it.

    >>> recordings = [Recording(str(index), audio=None, speaker="anna") for index in range(9)]
    >>> train, val = split_by_speaker(recordings, 0.5)
    >>> len(train) in (0, 9) and len(train) + len(val) == 9
    True
    """
    train: list[Recording] = []
    val: list[Recording] = []
    for recording in recordings:
        key = recording.speaker or recording.id
        (val if in_share(key, validation_share) else train).append(recording)
    return train, val
