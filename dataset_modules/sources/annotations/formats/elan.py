"""ELAN's ``.eaf`` files: annotations in time slots, or divisions of the annotations of a parent tier.

Slots of a tier that have no time divide the time between their neighbours evenly, as ELAN shows them. What
lies before the first time, or behind the last one, has a fault: its time is unknown.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, NoReturn
from urllib.parse import unquote
from xml.parsers import expat

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.contract import AnnotatedFile, AnnotationTier, TimedLabel
from dataset_modules.sources.annotations.formats.text_files import label_bytes
from untrusted.printing import printable

_MOST_PARENTS = 50  # of tiers; more are a circle
_MILLISECONDS = 1000.0
_NO_TIME = "its label file states no time for it"


class _Annotation(NamedTuple):
    """An annotation with its two slots, or with the annotation that it divides."""

    key: str
    slots: tuple[str, str] | None
    parent: str | None
    text: str


@dataclass
class _Document:
    """What the XML holds."""

    slots: dict[str, float | None] = field(default_factory=dict)  # in their order; None is unaligned
    tiers: dict[str, Mapping[str, str]] = field(default_factory=dict)
    annotations: dict[str, list[_Annotation]] = field(default_factory=lambda: defaultdict(list))  # by tier
    origins: dict[str, float] = field(default_factory=dict)  # by media file: its second at time 0


def read_elan(path: Path) -> AnnotatedFile:
    """Return the tiers of an ``.eaf`` file; raise ``AudioError`` with the reason if it is damaged."""
    document = _parsed(path, label_bytes(path))
    order = {slot: place for place, slot in enumerate(document.slots)}
    origin = _origin(path, document.origins)
    slots = {slot: origin + seconds for slot, seconds in document.slots.items() if seconds is not None}
    times: dict[str, tuple[float, float]] = {}
    done: dict[str, AnnotationTier] = {}
    for name in sorted(document.tiers, key=lambda name: _depth(path, document, name)):
        used = {slot for annotation in document.annotations[name] for slot in annotation.slots or ()}
        slots |= _between(sorted(used & order.keys(), key=order.__getitem__), slots)
        _place(document.annotations[name], slots, times)
        attributes = document.tiers[name]
        labels = _labels(document.annotations[name], times)
        done[name] = AnnotationTier(
            name,
            tuple(sorted(labels, key=lambda label: (label.start, label.end))),
            attributes.get("PARTICIPANT", "").strip() or None,
            attributes.get("LINGUISTIC_TYPE_REF"),
            attributes.get("PARENT_REF"),
        )
    return AnnotatedFile(tuple(done[name] for name in document.tiers))


def _origin(path: Path, origins: Mapping[str, float]) -> float:
    """Return the second of the recording at which the document's time begins."""
    named = {seconds for media, seconds in origins.items() if Path(media).stem == path.stem}
    found = named or set(origins.values()) or {0.0}
    if len(found) > 1:
        listed = ", ".join(f"{Path(media).name} at {seconds:g} s" for media, seconds in origins.items())
        raise AudioError(
            f"{printable(path)}: its media begin at different times, and no single one has its name: "
            f"{printable(listed)}"
        )
    return found.pop()


def _depth(path: Path, document: _Document, name: str) -> int:
    """Return how many parents a tier has."""
    for depth in range(_MOST_PARENTS):
        parent = document.tiers.get(name, {}).get("PARENT_REF")
        if parent is None:
            return depth
        name = parent
    raise AudioError(f"{printable(path)}: the tier {name} is its own parent")


def _between(slots: Iterable[str], known: Mapping[str, float]) -> dict[str, float]:
    """Return the seconds of a tier's slots without a time, which lie evenly between two that have one.

    >>> _between(["a", "b", "c", "d"], {"a": 1.0, "c": 2.0})
    {'b': 1.5}
    """
    found: dict[str, float] = {}
    waiting: list[str] = []
    last: float | None = None
    for slot in slots:
        if slot not in known:
            waiting.append(slot)
            continue
        if last is not None:
            step = (known[slot] - last) / (len(waiting) + 1)
            found |= {name: last + step * number for number, name in enumerate(waiting, start=1)}
        waiting, last = [], known[slot]
    return found


def _labels(annotations: Iterable[_Annotation], times: Mapping[str, tuple[float, float]]) -> list[TimedLabel]:
    """Return a tier's labels; one without a time keeps its place behind the one before it."""
    labels: list[TimedLabel] = []
    for annotation in annotations:
        text = " ".join(annotation.text.split())
        if annotation.key in times:
            labels.append(TimedLabel(*times[annotation.key], text))
        else:
            last = labels[-1].end if labels else 0.0
            labels.append(TimedLabel(last, last, text, _NO_TIME))
    return labels


def _place(
    annotations: list[_Annotation], slots: Mapping[str, float], times: dict[str, tuple[float, float]]
) -> None:
    """Add the times of a tier's annotations; those that divide one annotation get equal shares of it."""
    divided: dict[str, list[str]] = defaultdict(list)
    for annotation in annotations:
        if annotation.slots and all(slot in slots for slot in annotation.slots):
            times[annotation.key] = slots[annotation.slots[0]], slots[annotation.slots[1]]
        elif annotation.parent in times:
            divided[annotation.parent or ""].append(annotation.key)
    for parent, keys in divided.items():
        start, end = times[parent]
        step = (end - start) / len(keys)
        times |= {key: (start + step * place, start + step * (place + 1)) for place, key in enumerate(keys)}


def _parsed(path: Path, content: bytes) -> _Document:
    """Parse XML that declares no entities, so that no file can expand to a larger one or name another."""
    reader = _Reader(path)
    parser = expat.ParserCreate()
    parser.EntityDeclHandler = reader.refuse_entities
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.characters
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(f"{printable(path)}: must be an ELAN file: {error}") from error
    if not reader.is_elan:
        raise AudioError(f"{printable(path)}: must be an ELAN file, it has no ANNOTATION_DOCUMENT")
    return reader.document


class _Reader:
    """Collects tiers and annotations from the events of the XML parser."""

    def __init__(self, path: Path) -> None:
        self.document = _Document()
        self.is_elan = False
        self._name = printable(path)
        self._tier = ""
        self._open: Mapping[str, str] = {}
        self._text: list[str] | None = None

    def refuse_entities(self, *_: object) -> NoReturn:
        raise AudioError(f"{self._name}: an ELAN file must not declare entities")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "ANNOTATION_DOCUMENT":
            self.is_elan = True
        elif name == "TIME_SLOT":
            self.document.slots[attributes.get("TIME_SLOT_ID", "")] = self._seconds(attributes)
        elif name == "MEDIA_DESCRIPTOR":
            media = unquote(attributes.get("RELATIVE_MEDIA_URL") or attributes.get("MEDIA_URL", ""))
            self.document.origins[media.replace("\\", "/")] = self._seconds(attributes, "TIME_ORIGIN") or 0.0
        elif name == "TIER":
            self._tier = attributes.get("TIER_ID", "").strip()
            self.document.tiers[self._tier] = attributes
        elif name in ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION"):
            self._open = attributes
        elif name == "ANNOTATION_VALUE":
            self._text = []

    def end(self, name: str) -> None:
        if name == "ANNOTATION_VALUE":
            self.document.annotations[self._tier].append(self._annotation("".join(self._text or ())))
            self._text = None

    def characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _annotation(self, text: str) -> _Annotation:
        own = self._open
        ends = own.get("TIME_SLOT_REF1"), own.get("TIME_SLOT_REF2")
        slots = (ends[0], ends[1]) if ends[0] is not None and ends[1] is not None else None
        return _Annotation(own.get("ANNOTATION_ID", ""), slots, own.get("ANNOTATION_REF"), text)

    def _seconds(self, attributes: Mapping[str, str], name: str = "TIME_VALUE") -> float | None:
        written = attributes.get(name)
        if written is None:
            return None
        digits = written.strip().removeprefix("-" if name == "TIME_ORIGIN" else "")
        if not digits.isdecimal() or len(written) > 12:  # noqa: PLR2004 - milliseconds of 30 years
            raise AudioError(f"{self._name}: times must be whole milliseconds, got {written[:40]!r}")
        return int(written) / _MILLISECONDS


def ancestors_of(tier: AnnotationTier, tiers: Mapping[str, AnnotationTier]) -> Iterator[AnnotationTier]:
    """Yield the parent of a tier, its parent, and so on."""
    for _ in range(_MOST_PARENTS):
        parent = tiers.get(tier.parent or "")
        if parent is None:
            return
        yield parent
        tier = parent
