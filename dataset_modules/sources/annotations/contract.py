"""What readers of label files return: labelled times in tiers, and segments of a recording."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from dataset_modules.recording import Split

LabelKind = Literal["phonemes", "text"]


class TimedLabel(NamedTuple):
    """A label and its times in seconds; a point has two equal times."""

    start: float
    end: float
    text: str
    fault: str | None = None

    @property
    def middle(self) -> float:
        """The time half-way through the label."""
        return (self.start + self.end) / 2


class AnnotationTier(NamedTuple):
    """Labels of one kind, such as the phones or the words of a speaker."""

    name: str
    labels: tuple[TimedLabel, ...]
    speaker: str | None = None  # stated apart from the name
    linguistic_type: str | None = None
    parent: str | None = None  # the name of the tier that this one divides


class AnnotatedFile(NamedTuple):
    """The content of a label file."""

    tiers: tuple[AnnotationTier, ...]
    seconds: float | None = None  # of the recording, as the label file states it
    start: float = 0.0  # of the recording: some programs keep the times of a longer one

    def from_start(self) -> "AnnotatedFile":
        """Return the file with times that count from the start of the recording.

        >>> file = AnnotatedFile((AnnotationTier("a", (TimedLabel(5.0, 6.0, "x"),)),), 10.0, start=5.0)
        >>> file.from_start().tiers[0].labels
        (TimedLabel(start=0.0, end=1.0, text='x', fault=None),)
        """
        if not self.start:
            return self
        tiers = (
            tier._replace(
                labels=tuple(
                    label._replace(start=label.start - self.start, end=label.end - self.start)
                    for label in tier.labels
                )
            )
            for tier in self.tiers
        )
        seconds = None if self.seconds is None else self.seconds - self.start
        return AnnotatedFile(tuple(tiers), seconds)


class LabelledSegment(NamedTuple):
    """A part of a recording with its label; a fault makes it unusable."""

    audio: Path
    start: float = 0.0  # seconds
    end: float | None = None  # None is the recording's end
    phonemes: tuple[str, ...] | None = None
    text: str | None = None
    speaker: str | None = None
    split: Split | None = None
    attributes: Mapping[str, str] | None = None
    language: str | None = None
    id: str | None = None  # the source's name of the segment
    fault: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the segment is the whole recording."""
        return self.start == 0 and self.end is None
