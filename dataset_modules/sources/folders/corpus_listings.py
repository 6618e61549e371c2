"""Listings in which other programs name audio that may lie anywhere: Kaldi's folders, and JSON lines."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.contract import LabelKind, LabelledSegment
from dataset_modules.sources.annotations.formats.json_lines import is_json_lines_listing, json_line_segments
from dataset_modules.sources.annotations.formats.kaldi import RECORDINGS_FILE, kaldi_segments
from dataset_modules.sources.annotations.label_content import kind_of_labels
from dataset_modules.sources.annotations.options import LabelOptions
from dataset_modules.sources.annotations.segment_recordings import labelled, recording_of
from dataset_modules.sources.annotations.summary import LabelSummary
from dataset_modules.sources.folders.listed_rows import StatedRecording
from dataset_modules.sources.manifest import find_manifest, split_in_name

_SAMPLED = 200  # texts that decide what a listing's texts hold
_CODE = re.compile(r"[a-z]{2}(?=$|[-_])", re.IGNORECASE)


def find_listings(folder: Path, options: LabelOptions) -> list[Path]:
    """Return a folder's listings: Kaldi's folders, else files of JSON lines; none if it has a manifest."""
    if options.format not in (None, "kaldi", "jsonl"):
        return []
    manifest = find_manifest(folder)
    if options.format is None and manifest and not is_json_lines_listing(manifest):
        return []
    if options.format != "jsonl":
        places = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
        if found := [place for place in places if (place / RECORDINGS_FILE).is_file()]:
            return found
    files = sorted([*folder.glob("*.jsonl"), *folder.glob("*.json")])
    return [path for path in files if options.format != "kaldi" and is_json_lines_listing(path)]


def read_listings(
    listings: Iterable[Path], options: LabelOptions, summary: LabelSummary
) -> Iterator[StatedRecording]:
    """Yield the recordings of listings, each under a different name."""
    taken: Counter[str] = Counter()
    for listing in listings:
        source = "Kaldi's text" if listing.is_dir() else listing.name
        try:
            yield from _recordings(listing, source, options, summary, taken)
        except AudioError as error:
            raise ValueError(f"CustomAudioDataset: {error}") from error


def _recordings(
    listing: Path, source: str, options: LabelOptions, summary: LabelSummary, taken: Counter[str]
) -> Iterator[StatedRecording]:
    is_kaldi = listing.is_dir()
    segments = kaldi_segments(listing) if is_kaldi else json_line_segments(listing)
    sample = list(itertools.islice(segments, _SAMPLED))
    kind = options.kind or kind_of_labels(segment.text or "" for segment in sample) or "text"
    split = split_in_name(listing.name) if is_kaldi else None
    for segment in itertools.chain(sample, segments):
        if _is_other_language(segment.language, options.language):
            summary.num_other_languages += 1
            continue
        name = _new_name(segment, listing, taken)
        own = segment if segment.phonemes or not segment.text else _with_label(segment, kind, options)
        own = own._replace(
            split=segment.split or split, speaker=_speaker(segment, options), language=options.language
        )
        summary.add(name, source, own)
        yield StatedRecording(recording_of(name, own), own.split)


def _with_label(segment: LabelledSegment, kind: LabelKind, options: LabelOptions) -> LabelledSegment:
    bare = segment._replace(text=None)
    return labelled(bare, [segment.text or ""], kind, options.unknown_speech)


def _speaker(segment: LabelledSegment, options: LabelOptions) -> str | None:
    if segment.speaker or options.speaker_from == "labels":
        return segment.speaker
    return segment.audio.stem if options.speaker_from == "file" else segment.audio.parent.name


def _is_other_language(stated: str | None, own: str | None) -> bool:
    """Return whether a row is of another language; names that are no codes of two letters do not decide.

    >>> _is_other_language("de-AT", "de"), _is_other_language("fr", "de"), _is_other_language("French", "de")
    (False, True, False)
    """
    codes = [_CODE.match(name or "") for name in (stated, own)]
    return all(codes) and len({code[0].lower() for code in codes if code}) > 1


def _new_name(segment: LabelledSegment, listing: Path, taken: Counter[str]) -> str:
    """Return a name that no recording has yet: the listing's, or the file's, with a number for its parts."""
    file = segment.audio
    stem = file.relative_to(listing.parent).as_posix() if file.is_relative_to(listing.parent) else file.name
    base = segment.id or stem
    taken[base] += 1
    is_plain = (segment.id or segment.is_whole) and taken[base] == 1
    return base if is_plain else f"{base}#{taken[base]:04d}"
