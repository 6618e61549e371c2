"""Which utterances to listen to, and their sound beside the records."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from evaluation.utterance_record import UtteranceRecord
from phonetics import edit_counts

log = logging.getLogger(__name__)

NUMBER = 12
LONGEST_SECONDS = 20.0  # of what is kept to be listened to
ORDER = "edits times error rate, so that neither length alone nor one slip in a short word decides"


def worst_first(records: Sequence[UtteranceRecord]) -> list[int]:
    """The places of utterances with errors, the worst first.

    >>> from evaluation.utterance_record import UtteranceRecord
    >>> good = UtteranceRecord("a", "test", ("t",), ("t",), 1.0, 50, 0.5)
    >>> worst_first([good, good._replace(hypothesis=("d",))])
    [1]
    """
    weights = []
    for place, record in enumerate(records):
        counts = edit_counts(record.spoken, record.heard)
        weights.append((counts.errors**2 / max(1, counts.reference_length), -place))
    return [-place for weight, place in sorted(weights, reverse=True) if weight]


def keep_audio(
    folder: Path,
    split: str,
    records: Sequence[UtteranceRecord],
    samples_of: Callable[[int], NDArray[np.int16]],
    sampling_rate: int,
) -> list[UtteranceRecord]:
    """Write the sound of the worst utterances; the records, with the files' names in those.

    Args:
        folder: the experiment's.
        split: of the records.
        records: of the whole split.
        samples_of: the sound of a record, by its place among them.
        sampling_rate: of the samples.
    """
    kept = list(records)
    for number, place in enumerate(worst_first(records)[:NUMBER], start=1):
        if records[place].seconds > LONGEST_SECONDS:
            continue
        path = folder / f"audio_{split}" / f"worst_{number:02d}.flac"
        try:
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, samples_of(place), sampling_rate, format="FLAC", subtype="PCM_16")
        except (OSError, soundfile.SoundFileError) as error:  # a full disk; the records stand without it
            log.warning("%s: the sound of the worst utterances could not be kept: %s", split, error)
            path.unlink(missing_ok=True)
            break
        kept[place] = records[place]._replace(audio=path.relative_to(folder).as_posix())
    return kept
