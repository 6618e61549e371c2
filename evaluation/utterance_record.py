"""What an evaluation keeps of each utterance: one line of JSON, from which every analysis is made."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from durable_files import write_durably
from phonetics import WORD_DELIMITER

Span = tuple[float, float]  # start and end, seconds
_PREFIX = "utterances_"


class UtteranceRecord(NamedTuple):
    """One utterance of a split, what was said in it, and what was heard.

    Tokens include word boundaries where the vocabulary has them; times and confidences are one for each.
    """

    id: str
    split: str
    reference: tuple[str, ...]
    hypothesis: tuple[str, ...]
    seconds: float
    frames: int
    blank_share: float  # of the frames
    path: str = ""
    language: str | None = None
    speaker: str | None = None
    text: str | None = None
    attributes: Mapping[str, str] = {}  # noqa: RUF012 - never written to
    snr_db: float | None = None
    hypothesis_times: tuple[Span, ...] = ()  # greedily read; neighbours meet half-way
    hypothesis_confidences: tuple[float, ...] = ()  # geometric means over the frames that speak the token
    reference_times: tuple[Span, ...] | None = None  # by forced alignment; None where it is not possible
    reference_confidences: tuple[float, ...] | None = None
    stated_starts: tuple[float, ...] | None = None  # seconds, where the data itself knows them
    audio: str | None = None  # a file of the experiment's folder, of utterances to be listened to

    @property
    def spoken(self) -> list[str]:
        """The reference's phonemes, without word boundaries."""
        return [token for token in self.reference if token != WORD_DELIMITER]

    @property
    def heard(self) -> list[str]:
        """The hypothesis's phonemes, without word boundaries."""
        return [token for token in self.hypothesis if token != WORD_DELIMITER]

    def to_line(self) -> str:
        """The record as a JSON object."""
        return json.dumps(self._asdict(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_line(cls, line: str) -> "UtteranceRecord":
        """The inverse of ``to_line``; what a later version may add is passed over."""
        fields: dict[str, Any] = {
            name: _frozen(value) for name, value in json.loads(line).items() if name in cls._fields
        }
        return cls(**fields)


def _frozen(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def records_file(folder: Path, split: str) -> Path:
    """Where an experiment keeps the records of a split."""
    return folder / f"{_PREFIX}{split}.jsonl"


def write_records(path: Path, records: Iterable[UtteranceRecord]) -> None:
    """Write all records of a split, whole or not at all."""
    write_durably(path, "".join(f"{record.to_line()}\n" for record in records))


def read_records(path: Path) -> list[UtteranceRecord]:
    """The records of a split."""
    with path.open(encoding="utf-8", newline="\n") as stream:
        return [UtteranceRecord.from_line(line) for line in stream if line.strip()]


def recorded_splits(folder: Path) -> dict[str, Path]:
    """The splits that an experiment has records of, by name; the test split first."""
    found = {path.stem.removeprefix(_PREFIX): path for path in sorted(folder.glob(f"{_PREFIX}*.jsonl"))}
    return {split: found[split] for split in sorted(found, key=lambda split: (split != "test", split))}
