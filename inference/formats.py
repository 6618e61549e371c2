"""Write transcripts as text, JSON lines, CTM, HTK labels, Praat TextGrid, ELAN or SubRip subtitles."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Generic, Literal, NamedTuple, TypeVar
from xml.sax.saxutils import escape

from inference.transcript import Phoneme, Transcript
from untrusted.json_text import json_line
from untrusted.printing import printable

FormatName = Literal["text", "jsonl", "ctm", "lab", "textgrid", "eaf", "srt"]
_SHORTEST = 1e-4  # seconds of an interval that the digits of a TextGrid can express
_HTK_UNITS = 1e7  # in a second
_EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="1970-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
    <TIME_ORDER>
{slots}    </TIME_ORDER>
{tiers}    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>
</ANNOTATION_DOCUMENT>
"""
_SUBTITLE_SECONDS, _SUBTITLE_PAUSE = 5.0, 0.5


Result = TypeVar("Result")  # of a recording, such as its transcript


class Format(NamedTuple, Generic[Result]):
    """A file format of results."""

    suffix: str
    write: Callable[[Result], str]
    joins: bool  # whether several recordings may follow each other in one file
    write_named: Callable[[Result], str] | None = None  # among several, where ``write`` has no name
    header: str = ""  # once, before the first result


class Label(NamedTuple):
    """An interval in a tier of a TextGrid."""

    start: float
    end: float
    text: str


def text(transcript: Transcript) -> str:
    """Write one line, with spaces between phonemes and bars between words."""
    return f"{transcript.text}\n"


def named_text(transcript: Transcript) -> str:
    """Write the same line after the name of the recording and a tab."""
    return f"{printable(transcript.name)}\t{transcript.text}\n"


def jsonl(transcript: Transcript) -> str:
    """Write one JSON object on one line."""
    described = {
        "name": transcript.name,
        "seconds": round(transcript.num_seconds, 3),
        "text": transcript.text,
        "words": [[_described(phoneme) for phoneme in word] for word in transcript.words],
    }
    return json_line(described) + "\n"


def _described(phoneme: Phoneme) -> dict[str, str | float]:
    return {
        "phoneme": phoneme.symbol,
        "start": round(phoneme.start_seconds, 3),
        "end": round(phoneme.end_seconds, 3),
        "confidence": round(phoneme.confidence, 4),
    }


def ctm(transcript: Transcript) -> str:
    """Write the CTM format of NIST: recording, channel, start, duration, phoneme, confidence in each line."""
    name = printable("_".join(transcript.name.split()))  # spaces separate the columns
    return "".join(
        f"{name} 1 {phoneme.start_seconds:.3f} {phoneme.end_seconds - phoneme.start_seconds:.3f} "
        f"{phoneme.symbol} {phoneme.confidence:.4f}\n"
        for phoneme in transcript.phonemes
    )


def lab(transcript: Transcript) -> str:
    """Write HTK's labels: start and end in units of 100 ns, and the phoneme, in each line."""
    return "".join(
        f"{round(start * _HTK_UNITS)} {round(end * _HTK_UNITS)} {symbol}\n"
        for symbol, start, end, _ in transcript.phonemes
    )


def textgrid(transcript: Transcript) -> str:
    """Write a long TextGrid with tiers of words and phonemes; empty intervals fill the pauses."""
    return textgrid_of(_tiers(transcript), transcript.num_seconds)


def textgrid_of(tiers: Mapping[str, Sequence[Label]], num_seconds: float) -> str:
    """Write tiers as a long TextGrid; empty intervals fill the gaps between labels."""
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {num_seconds:.6f}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, labels) in enumerate(tiers.items(), start=1):
        lines += [f"    item [{number}]:", *_tier(name, _without_gaps(labels, num_seconds))]
    return "\n".join(lines) + "\n"


def _tiers(transcript: Transcript) -> dict[str, list[Label]]:
    """Return the labels of words and of phonemes."""
    words = [
        Label(word[0].start_seconds, word[-1].end_seconds, name)
        for word, name in zip(transcript.words, transcript.word_names, strict=True)
    ]
    phonemes = [Label(start, end, symbol) for symbol, start, end, _ in transcript.phonemes]
    return {"words": words, "phonemes": phonemes}


def _tier(name: str, labels: Sequence[Label]) -> Iterator[str]:
    yield '        class = "IntervalTier"'
    yield f'        name = "{name}"'
    yield "        xmin = 0"
    yield f"        xmax = {labels[-1].end:.6f}"
    yield f"        intervals: size = {len(labels)}"
    for number, label in enumerate(labels, start=1):
        yield f"        intervals [{number}]:"
        yield f"            xmin = {label.start:.6f}"
        yield f"            xmax = {label.end:.6f}"
        yield '            text = "{}"'.format(label.text.replace('"', '""'))


def _without_gaps(labels: Sequence[Label], num_seconds: float) -> list[Label]:
    """Fill a recording with intervals from its start to its end without gaps.

    >>> [tuple(label) for label in _without_gaps([Label(0.5, 1.0, "a")], 2.0)]
    [(0.0, 0.5, ''), (0.5, 1.0, 'a'), (1.0, 2.0, '')]
    """
    filled: list[Label] = []
    end = 0.0
    for label in labels:
        if label.start > end + _SHORTEST:
            filled.append(Label(end, label.start, ""))
            end = label.start
        if label.end > end + _SHORTEST:
            filled.append(Label(end, label.end, label.text))
            end = label.end
    if num_seconds > end + _SHORTEST or not filled:
        filled.append(Label(end, num_seconds, ""))
    filled[-1] = filled[-1]._replace(end=num_seconds)
    return filled


def eaf(transcript: Transcript) -> str:
    """Write an ELAN file with tiers of words and phonemes; its times are whole milliseconds."""
    slots: list[str] = []
    tiers: list[str] = []
    for name, labels in _tiers(transcript).items():
        annotations = [_annotation(slots, label) for label in labels]
        content = "".join(annotations)
        tiers.append(f'    <TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID="{name}">\n{content}    </TIER>\n')
    return _EAF.format(slots="".join(slots), tiers="".join(tiers))


def _annotation(slots: list[str], label: Label) -> str:
    """Return the XML of a label, whose two times are added to the slots."""
    number = len(slots) + 1
    for place, seconds in enumerate((label.start, label.end)):
        slots.append(
            f'        <TIME_SLOT TIME_SLOT_ID="ts{number + place}" TIME_VALUE="{round(seconds * 1000)}"/>\n'
        )
    return (
        f'        <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" TIME_SLOT_REF1="ts{number}" '
        f'TIME_SLOT_REF2="ts{number + 1}"><ANNOTATION_VALUE>{escape(label.text)}</ANNOTATION_VALUE>'
        "</ALIGNABLE_ANNOTATION></ANNOTATION>\n"
    )


def srt(transcript: Transcript) -> str:
    """Write SubRip subtitles: words up to five seconds or a pause; longer words are split."""
    return "".join(
        f"{number}\n{_clock(words[0][0].start_seconds)} --> {_clock(words[-1][-1].end_seconds)}\n"
        f"{' '.join(''.join(phoneme.symbol for phoneme in word) for word in words)}\n\n"
        for number, words in enumerate(_subtitles(transcript.words), start=1)
    )


def _subtitles(words: Sequence[tuple[Phoneme, ...]]) -> Iterator[list[tuple[Phoneme, ...]]]:
    shown: list[tuple[Phoneme, ...]] = []
    for word in chain.from_iterable(map(_parts, words)):
        if shown and (
            word[0].start_seconds - shown[-1][-1].end_seconds > _SUBTITLE_PAUSE
            or word[-1].end_seconds - shown[0][0].start_seconds > _SUBTITLE_SECONDS
        ):
            yield shown
            shown = []
        shown.append(word)
    if shown:
        yield shown


def _parts(word: tuple[Phoneme, ...]) -> Iterator[tuple[Phoneme, ...]]:
    """Split a word to fit into subtitles: without word boundaries a transcript is one long word."""
    start = 0
    for place in range(1, len(word)):
        if (
            word[place].start_seconds - word[place - 1].end_seconds > _SUBTITLE_PAUSE
            or word[place].end_seconds - word[start].start_seconds > _SUBTITLE_SECONDS
        ):
            yield word[start:place]
            start = place
    yield word[start:]


def _clock(seconds: float) -> str:
    """Format hours, minutes, seconds and milliseconds for SubRip.

    >>> _clock(3725.0615)
    '01:02:05,062'
    """
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d},{rest % 1000:03d}"


FORMATS: dict[FormatName, Format[Transcript]] = {
    "text": Format(".txt", text, joins=True, write_named=named_text),
    "jsonl": Format(".jsonl", jsonl, joins=True),
    "ctm": Format(".ctm", ctm, joins=True),
    "lab": Format(".lab", lab, joins=False),
    "textgrid": Format(".TextGrid", textgrid, joins=False),
    "eaf": Format(".eaf", eaf, joins=False),
    "srt": Format(".srt", srt, joins=False),
}
