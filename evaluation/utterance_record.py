"""The record that an evaluation keeps of each utterance: one line of JSON, the input of every analysis."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from durable_files import write_durably
from evaluation.error_counts import phoneme_edits, phonemes_in
from phonetics import EditCounts

Span = tuple[float, float]  # start and end, seconds


class UtteranceRecord(NamedTuple):
    """One utterance of a split with its reference and the model's hypothesis.

    Tokens include word boundaries if the vocabulary has them. Each token has a time and a confidence.
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
    hypothesis_times: tuple[Span, ...] = ()  # by greedy decoding; neighbours meet half-way
    hypothesis_confidences: tuple[float, ...] = ()  # geometric means over the frames of the token
    reference_times: tuple[Span, ...] | None = None  # by forced alignment; None if it is not possible
    reference_confidences: tuple[float, ...] | None = None
    stated_starts: tuple[float, ...] | None = None  # seconds, if the data set has them
    audio: str | None = None  # a file in the experiment's folder; the worst utterances have one

    @property
    def reference_phonemes(self) -> list[str]:
        """The reference without word boundaries."""
        return phonemes_in(self.reference)

    @property
    def hypothesis_phonemes(self) -> list[str]:
        """The hypothesis without word boundaries."""
        return phonemes_in(self.hypothesis)

    @property
    def edits(self) -> EditCounts:
        """The edits between the phonemes of both."""
        return phoneme_edits(self.reference, self.hypothesis)

    def to_line(self) -> str:
        """Return the record as a JSON object."""
        return json.dumps(self._asdict(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_line(cls, line: str) -> "UtteranceRecord":
        """Read what ``to_line`` wrote; fields that a later version may add are ignored."""
        fields: dict[str, Any] = {
            name: _frozen(value) for name, value in json.loads(line).items() if name in cls._fields
        }
        return cls(**fields)


def _frozen(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def write_records(path: Path, records: Iterable[UtteranceRecord]) -> None:
    """Write all records of a split; a failure leaves the old file."""
    write_durably(path, "".join(f"{record.to_line()}\n" for record in records))


def read_records(path: Path) -> list[UtteranceRecord]:
    """Read the records of a split."""
    with path.open(encoding="utf-8", newline="\n") as stream:
        return [UtteranceRecord.from_line(line) for line in stream if line.strip()]
