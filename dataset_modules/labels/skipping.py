"""Skipped recordings: their limit, the warnings about them, and their table."""

import hashlib
import itertools
import logging
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_modules.base_dataset import BaseDataset, Split
from dataset_modules.cache.clip_cache import PreparedSplit
from dataset_modules.labels.encoder import UNKNOWN_ADVICE, describe_unknown
from dataset_modules.labels.usable_clips import UsableClips
from dataset_modules.recording import AudioError, SkippedRecording
from durable_files import replacing
from phonetics import VocabularyError
from untrusted.printing import printable
from wording import number_of

log = logging.getLogger(__name__)

_USUAL_SHARE, _HANDFUL = 0.1, 20  # if max_skipped_share is null
_EXAMPLES = 5  # faults quoted in a message
_COLUMNS = ("split", "id", "path", "reason")


@dataclass(frozen=True)
class SplitPart:
    """The clips of one data set in one split; copies of a recording are counted in ``num_copies`` alone."""

    dataset: BaseDataset
    split: Split
    prepared: PreparedSplit
    usable: UsableClips
    uses: int = 1  # how often each recording occurs; all of them come once before any copy
    is_synthetic: bool = False

    @property
    def dataset_name(self) -> str:
        """The name of the data set's class."""
        return type(self.dataset).__name__

    @property
    def num_skipped(self) -> int:
        """The number of recordings whose audio or label cannot be used."""
        return self._distinct(self.prepared.num_skipped) + self._distinct(len(self.usable.faults))

    @property
    def num_recordings(self) -> int:
        """The number of recordings, used or skipped."""
        return self.num_prepared + self._distinct(self.prepared.num_skipped)

    @property
    def num_prepared(self) -> int:
        """The number of recordings whose audio and label could be prepared, the first clips."""
        return self._distinct(len(self.prepared.clips))

    @property
    def num_copies(self) -> int:
        """The number of usable clips that repeat a recording."""
        return len(self.usable.indices) - self._distinct(len(self.usable.indices))

    def skipped(self) -> Iterator[SkippedRecording]:
        """Yield the skipped recordings."""
        prepared = itertools.islice(self.prepared.skipped(), self._distinct(self.prepared.num_skipped))
        return itertools.chain(prepared, self.usable.faults[: self._distinct(len(self.usable.faults))])

    def _distinct(self, number: int) -> int:
        return -(-number // self.uses)


def copies_and_synthesis(parts: Sequence[SplitPart]) -> Iterator[str]:
    """Describe how often the recordings of a split are used, and how many sentences are synthetic."""
    for part in parts:
        if part.uses > 1:
            yield f"{number_of(part.num_recordings, 'recording')}, each used {part.uses} times"
    if synthetic := sum(part.num_recordings for part in parts if part.is_synthetic):
        yield number_of(synthetic, "synthetic sentence")


def worth_counting(parts: Sequence[SplitPart]) -> list[SplitPart]:
    """Leave out synthetic sentences of which none was skipped: they would hide the share of recordings."""
    return [part for part in parts if part.num_skipped or not part.is_synthetic]


def identity_of(parts: Sequence[SplitPart]) -> str:
    """Return a text that identifies a split's clips and their order."""
    digest = hashlib.sha256(b"|".join(part.usable.indices.tobytes() for part in parts))
    return f"{[part.prepared.fingerprint for part in parts]} {digest.hexdigest()}"


def num_allowed(num_recordings: int, max_skipped_share: float | None) -> float:
    """Return how many recordings may be skipped.

    >>> num_allowed(1000, 0.01), num_allowed(1000, None), num_allowed(50, None), num_allowed(10, None)
    (10.0, 100.0, 20, 5.0)
    """
    if max_skipped_share is not None:
        return max_skipped_share * num_recordings
    return max(_USUAL_SHARE * num_recordings, min(_HANDFUL, num_recordings / 2))


def check_skipped(parts: Sequence[SplitPart]) -> None:
    """Stop if a data set lost too many recordings in all splits together."""
    for own in over_limit(parts):
        _refuse(own, limit_of(own[0].dataset))


def over_limit(parts: Sequence[SplitPart]) -> list[list[SplitPart]]:
    """Return the parts of each data set that lost too many recordings in all splits together."""
    by_dataset: dict[int, list[SplitPart]] = defaultdict(list)
    for part in parts:
        by_dataset[id(part.dataset)].append(part)
    return [
        own
        for own in by_dataset.values()
        if sum(part.num_skipped for part in own)
        > num_allowed(sum(part.num_recordings for part in own), own[0].dataset.max_skipped_share)
    ]


def limit_of(dataset: BaseDataset) -> str:
    """Describe the limit that a data set exceeds."""
    share = dataset.max_skipped_share
    return f"more than max_skipped_share={'null' if share is None else share} allows"


def check_any_left(parts: Sequence[SplitPart]) -> None:
    """Stop if every recording was skipped, because there is nothing to evaluate."""
    if any(part.num_skipped for part in parts) and not any(len(part.usable.indices) for part in parts):
        _refuse([part for part in parts if part.num_skipped], "nothing is left")


def _refuse(parts: Sequence[SplitPart], limit: str) -> None:
    message = f"{parts[0].dataset_name}: {_summary(parts)}; {limit}"
    unknown = sum((part.usable.unknown for part in parts), Counter[str]())
    if unknown and any(part.usable.faults for part in parts):
        raise VocabularyError(f"{message}; {describe_unknown(unknown)}; {UNKNOWN_ADVICE}")
    raise AudioError(message)


def warn_of_skipped(parts: Sequence[SplitPart]) -> None:
    """Log how many recordings of each split were skipped, with the reasons of the first few."""
    for part in parts:
        if part.num_skipped:
            log.warning("%s: %s", part.dataset_name, _summary([part]))


def _summary(parts: Sequence[SplitPart]) -> str:
    first = itertools.islice(itertools.chain.from_iterable(part.skipped() for part in parts), _EXAMPLES)
    examples = "; ".join(f"{skipped.id}: {skipped.reason}" for skipped in first)
    return f"{counted(parts)} recordings skipped: {examples}"


def counted(parts: Sequence[SplitPart]) -> str:
    """Return the skipped recordings of each split, such as ``1 of 9 train, 2 of 4 val``."""
    skipped: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for part in worth_counting(parts):
        skipped[part.split] += part.num_skipped
        total[part.split] += part.num_recordings
    return ", ".join(f"{skipped[split]} of {total[split]} {split}" for split in total if skipped[split])


def write_skipped(path: Path, parts: Sequence[SplitPart]) -> None:
    """Write a table of all skipped recordings."""
    with replacing(path, path.with_name(f"{path.name}.{os.getpid()}.tmp")) as stream:
        stream.write(_row(_COLUMNS))
        for part in parts:
            for skipped in part.skipped():
                stream.write(_row((part.split, skipped.id, skipped.path, skipped.reason)))


def _row(cells: Sequence[str]) -> bytes:
    row = "\t".join(printable(" ".join(cell.split())) for cell in cells)
    return f"{row}\n".encode("utf-8", "backslashreplace")
