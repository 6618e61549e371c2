"""Choose the utterances that are worth listening to, and write their audio beside the records."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from durable_files import write_durably
from evaluation.utterance_record import UtteranceRecord

NUMBER = 12
LONGEST_SECONDS = 20.0  # audio of longer utterances is not kept
ORDER = "edits times error rate, so that neither length alone nor one slip in a short word decides"


def worst_first(records: Sequence[UtteranceRecord]) -> list[int]:
    """Return the places of the utterances with errors, the worst first.

    >>> from evaluation.utterance_record import UtteranceRecord
    >>> good = UtteranceRecord("a", "test", ("t",), ("t",), 1.0, 50, 0.5)
    >>> worst_first([good, good._replace(hypothesis=("d",))])
    [1]
    """
    edits = [record.edits for record in records]
    weights = [counts.errors**2 / max(1, counts.reference_length) for counts in edits]
    return sorted(np.flatnonzero(weights).tolist(), key=lambda place: -weights[place])


def keep_audio(
    folder: Path,  # in the experiment's folder
    records: Sequence[UtteranceRecord],
    samples_of: Callable[[int], NDArray[np.int16]],  # place of a record → its samples
    sampling_rate: int,
) -> list[UtteranceRecord]:
    """Write the audio of the worst utterances, and return the records with the names of the files."""
    kept = list(records)
    for number, place in enumerate(worst_first(records)[:NUMBER], start=1):
        if records[place].seconds > LONGEST_SECONDS:
            continue
        path = folder / f"worst_{number:02d}.flac"
        path.parent.mkdir(exist_ok=True)
        write_durably(path, _flac(samples_of(place), sampling_rate))
        kept[place] = records[place]._replace(audio=f"{folder.name}/{path.name}")
    return kept


def _flac(samples: NDArray[np.int16], sampling_rate: int) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, sampling_rate, format="FLAC", subtype="PCM_16")
    return stream.getvalue()
