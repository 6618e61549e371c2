"""Recordings that were left out: how many may be, what is said of them, and the list of all."""

import itertools
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_modules.base_dataset import BaseDataset, Split
from dataset_modules.cache.clip_cache import PreparedSplit
from dataset_modules.labels.encoder import UNKNOWN_ADVICE, describe_unknown
from dataset_modules.labels.usable_clips import UsableClips
from dataset_modules.recording import AudioError, SkippedRecording
from phonetics import VocabularyError

log = logging.getLogger(__name__)

_USUAL_SHARE, _HANDFUL = 0.1, 20  # where max_skipped_share is null
_EXAMPLES = 5  # faults quoted in a message
_COLUMNS = ("split", "id", "path", "reason")


@dataclass(frozen=True)
class SplitPart:
    """What one data set gives to one split."""

    dataset: BaseDataset
    split: Split
    prepared: PreparedSplit
    usable: UsableClips

    @property
    def num_skipped(self) -> int:
        """How many recordings cannot be used, as audio or by their labels."""
        return self.prepared.num_skipped + len(self.usable.faults)

    @property
    def num_recordings(self) -> int:
        """How many there are, used or not."""
        return len(self.prepared.clips) + self.prepared.num_skipped

    def skipped(self) -> Iterator[SkippedRecording]:
        """Those that cannot be used."""
        return itertools.chain(self.prepared.skipped(), self.usable.faults)


def num_allowed(num_recordings: int, max_skipped_share: float | None) -> float:
    """How many recordings may be skipped.

    >>> num_allowed(1000, 0.01), num_allowed(1000, None), num_allowed(50, None), num_allowed(10, None)
    (10.0, 100.0, 20, 5.0)
    """
    if max_skipped_share is not None:
        return max_skipped_share * num_recordings
    return max(_USUAL_SHARE * num_recordings, min(_HANDFUL, num_recordings / 2))


def check_skipped(parts: Sequence[SplitPart]) -> None:
    """Stop where a data set lost more recordings than it may, its splits taken together."""
    of_dataset: dict[int, list[SplitPart]] = defaultdict(list)
    for part in parts:
        of_dataset[id(part.dataset)].append(part)
    for own in of_dataset.values():
        skipped, total = sum(part.num_skipped for part in own), sum(part.num_recordings for part in own)
        share = own[0].dataset.max_skipped_share
        if skipped > num_allowed(total, share):
            _refuse(own, f"more than max_skipped_share={'null' if share is None else share} allows")


def check_any_left(parts: Sequence[SplitPart]) -> None:
    """Stop where nothing of what there was can be used: figures of nothing would follow."""
    if any(part.num_skipped for part in parts) and not any(len(part.usable.indices) for part in parts):
        _refuse([part for part in parts if part.num_skipped], "nothing is left")


def _refuse(parts: Sequence[SplitPart], limit: str) -> None:
    message = f"{_owner(parts[0])}: {_told(parts)}; {limit}"
    unknown = sum((part.usable.unknown for part in parts), Counter[str]())
    if unknown and any(part.usable.faults for part in parts):
        raise VocabularyError(f"{message}; {describe_unknown(unknown)}; {UNKNOWN_ADVICE}")
    raise AudioError(message)


def warn_of_skipped(parts: Sequence[SplitPart]) -> None:
    """Say how many recordings of each split were skipped, and why, by the first few."""
    for part in parts:
        if part.num_skipped:
            log.warning("%s: %s", _owner(part), _told([part]))


def _owner(part: SplitPart) -> str:
    return type(part.dataset).__name__


def _told(parts: Sequence[SplitPart]) -> str:
    first = itertools.islice(itertools.chain.from_iterable(part.skipped() for part in parts), _EXAMPLES)
    examples = "; ".join(f"{skipped.id}: {skipped.reason}" for skipped in first)
    return f"{counted(parts)} recordings skipped: {examples}"


def counted(parts: Sequence[SplitPart]) -> str:
    """How many recordings of each split were skipped, of how many, such as ``1 of 9 train, 2 of 4 val``."""
    skipped: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for part in parts:
        skipped[part.split] += part.num_skipped
        total[part.split] += part.num_recordings
    return ", ".join(f"{skipped[split]} of {total[split]} {split}" for split in total if skipped[split])


def write_skipped(path: Path, parts: Sequence[SplitPart]) -> None:
    """Write a table of all skipped recordings; its header alone where none was."""
    with path.open("w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write("\t".join(_COLUMNS) + "\n")
        for part in parts:
            for skipped in part.skipped():
                cells = (part.split, skipped.id, skipped.path, skipped.reason)
                stream.write("\t".join(" ".join(cell.split()) for cell in cells) + "\n")
