"""The record that an evaluation keeps of each utterance: one line of JSON, the input of every analysis."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from durable_files import write_durably
from evaluation.error_counts import phoneme_edits, phonemes_in
from phonetics import EditCounts
from untrusted.files import FileError
from untrusted.json_text import read_json_lines
from untrusted.printing import printable
from untrusted.shapes import ShapeError, checker, conform_fields

Span = tuple[float, float]  # start and end, seconds
MOST_SECONDS = 86_400.0
MOST_CELLS = 25_000_000  # of an alignment


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
    hypothesis_times: tuple[Span, ...] = ()  # by the decoding; neighbours meet half-way
    hypothesis_confidences: tuple[float, ...] = ()  # geometric means over the frames of the token
    reference_times: tuple[Span, ...] | None = None  # by forced alignment; None if it is not possible
    reference_confidences: tuple[float, ...] | None = None
    stated_starts: tuple[float, ...] | None = None  # seconds, if the data set has them
    raw_hypothesis: tuple[str, ...] | None = None  # another model's symbols, before they were mapped
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
    def own_symbols(self) -> list[str]:
        """The hypothesis as the model writes it, without word boundaries."""
        raw = self.raw_hypothesis
        return self.hypothesis_phonemes if raw is None else phonemes_in(raw)

    @property
    def edits(self) -> EditCounts:
        """The edits between the phonemes of both."""
        return phoneme_edits(self.reference, self.hypothesis)

    def to_line(self) -> str:
        """Return the record as a JSON object; it has ``raw_hypothesis`` where symbols were mapped."""
        fields = self._asdict()
        if self.raw_hypothesis is None:
            del fields["raw_hypothesis"]
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "UtteranceRecord":
        """Build the record of a line; fields that a later version may add are ignored."""
        shapes = _shapes()
        known = {name: value for name, value in fields.items() if name in shapes}
        if not all(checker(shapes[name])(value) for name, value in known.items()):
            conform_fields(known, shapes)  # names what is wrong
        lacking = [name for name in shapes if name not in known and name not in cls._field_defaults]
        if lacking:
            raise ShapeError(f"the record must have {', '.join(lacking)}")
        record = cls(**{name: _frozen(value) for name, value in known.items()})
        _check_sizes(record)
        return record


@cache
def _shapes() -> dict[str, Any]:
    return get_type_hints(UtteranceRecord)


def _check_sizes(record: UtteranceRecord) -> None:
    """Refuse what nobody speaks: it would be drawn and aligned at length."""
    if not 0 <= record.seconds <= MOST_SECONDS:
        raise ShapeError(f"seconds must be between 0 and {MOST_SECONDS:g}, got {record.seconds}")
    sizes = len(record.reference), len(record.hypothesis)
    if sizes[0] * sizes[1] > MOST_CELLS:
        raise ShapeError(f"reference and hypothesis have too many tokens to align: {sizes[0]} and {sizes[1]}")


def _frozen(value: Any) -> Any:  # noqa: ANN401 - a JSON value of a field
    if not isinstance(value, list):
        return value
    return tuple(map(tuple, value)) if value and isinstance(value[0], list) else tuple(value)


def write_records(path: Path, records: Iterable[UtteranceRecord]) -> None:
    """Write all records of a split; a failure leaves the old file."""
    write_durably(path, "".join(f"{record.to_line()}\n" for record in records))


def read_records(path: Path) -> list[UtteranceRecord]:
    """Read the records of a split; raise ``FileError`` for a line that is no record."""
    records = []
    for number, fields in enumerate(read_json_lines(path, dict[str, Any]), start=1):
        try:
            records.append(UtteranceRecord.from_fields(fields))
        except ShapeError as error:
            raise FileError(f"{printable(path)}, record {number}: {printable(error)}") from error
    return records
