"""Transcripts that this program wrote as JSON: words of phonemes with times."""

from pathlib import Path
from typing import Any

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.contract import AnnotatedFile, AnnotationTier, TimedLabel
from untrusted.files import FileError, read_lines
from untrusted.json_text import MOST_LINE_BYTES, parse_json
from untrusted.printing import printable
from untrusted.shapes import ShapeError, conform

_Words = list[list[dict[str, Any]]]


def read_transcript_lines(path: Path) -> AnnotatedFile:
    """Return tiers of words and phonemes of a file with one transcript."""
    try:
        lines = [line for line in read_lines(path, most_bytes=MOST_LINE_BYTES) if line.strip()]
        transcript = parse_json(lines[0] if lines else "", path, dict[str, Any])
        words = [[_label(phoneme) for phoneme in word] for word in conform(transcript.get("words"), _Words)]
    except (FileError, ShapeError, KeyError) as error:
        raise AudioError(f"{printable(path)}: must be a transcript in JSON: {error}") from error
    phonemes = tuple(label for word in words for label in word)
    spans = [
        TimedLabel(word[0].start, word[-1].end, "".join(label.text for label in word))
        for word in words
        if word
    ]
    return AnnotatedFile((AnnotationTier("words", tuple(spans)), AnnotationTier("phonemes", phonemes)))


def _label(phoneme: dict[str, Any]) -> TimedLabel:
    start, end = (conform(phoneme[name], float, name) for name in ("start", "end"))
    return TimedLabel(start, end, conform(phoneme["phoneme"], str, "phoneme"))
