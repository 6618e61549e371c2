"""The label file beside a recording: which of several counts, what it holds, and the clips that it gives."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.audio_header import read_header
from dataset_modules.sources.annotations.clip_cutting import cut
from dataset_modules.sources.annotations.contract import AnnotatedFile, LabelKind, LabelledSegment
from dataset_modules.sources.annotations.formats.elan import read_elan
from dataset_modules.sources.annotations.formats.plain_labels import label_lines, read_side_labels
from dataset_modules.sources.annotations.formats.textgrid import read_textgrid
from dataset_modules.sources.annotations.formats.timed_rows import is_timed_row, read_ctm, read_timed_rows
from dataset_modules.sources.annotations.formats.transcript_lines import read_transcript_lines
from dataset_modules.sources.annotations.label_content import is_silence, kind_of_labels
from dataset_modules.sources.annotations.options import LabelOptions
from dataset_modules.sources.annotations.segment_recordings import labelled
from dataset_modules.sources.annotations.summary import LabelSummary
from dataset_modules.sources.annotations.tier_choice import (
    ChosenTiers,
    TierRole,
    chosen_tiers,
    first_role,
    role_of,
)
from untrusted.printing import printable
from wording import number_of

_TIERED: Mapping[str, Callable[[Path], AnnotatedFile]] = {
    ".textgrid": read_textgrid,
    ".eaf": read_elan,
    ".jsonl": read_transcript_lines,
}
_KINDS_OF_FILES = {".textgrid": "TextGrids", ".eaf": "ELAN files", ".jsonl": "transcripts in JSON"}
_LINES = (".ctm", ".lab")
# The first file with content counts.
SIDE_SUFFIXES = (*_TIERED, ".ctm", ".phn", ".ipa", ".lab", ".txt")
_SAMPLED_TEXTS = 200
_SAMPLED_FILES = 20  # that decide about the tiers of a folder
_EXAMPLE_LENGTH = 40
_OTHER_LENGTH_SECONDS = 0.5

LabelFiles = Mapping[str, Path]  # by suffix


class SideFiles:
    """Reads the label files of one folder, once it is known what they hold.

    Args:
        folder: the folder, for messages.
        all_files: the label files beside each recording.
        options: what the configuration states.
        summary: counts what is left out.
    """

    def __init__(
        self, folder: Path, all_files: Iterable[LabelFiles], options: LabelOptions, summary: LabelSummary
    ) -> None:
        self._folder = folder
        self._options = options
        self._summary = summary
        self._all_files = all_files

    # What the files hold is decided where the first label is read: a table may make it unnecessary.

    @cached_property
    def _lab_kind(self) -> LabelKind | None:
        return self._kind_of_lines(self._counting(_LINES))

    @cached_property
    def _sample(self) -> list[AnnotatedFile]:
        tiered = self._counting(tuple(_TIERED))
        return list(_readable(tiered[:: max(1, len(tiered) // _SAMPLED_FILES)]))

    @cached_property
    def _role(self) -> TierRole:
        return first_role(self._sample)

    @cached_property
    def _tier_kind(self) -> LabelKind:
        return self._kind_of_tiers(self._sample)

    @cached_property
    def _text_kind(self) -> LabelKind:
        """What ``.txt`` files hold: a text; those that hold phonemes are refused, they would be spoken."""
        if self._options.kind:
            return self._options.kind
        sample = self._counting((".txt",), most=_SAMPLED_TEXTS)
        labels = [label for path in sample for label in _labels_of_lines(path)]
        if kind_of_labels(labels) == "phonemes":
            raise ValueError(self._question({sample[0]: "phonemes"}))
        return "text"

    def _counting(self, suffixes: tuple[str, ...], most: int | None = None) -> list[Path]:
        """Return the files of these suffixes that count for their recordings."""
        beside = (files for files in self._all_files if not files.keys().isdisjoint(suffixes))
        counting = (files[own] for files in beside if (own := self.suffix_of(files)) in suffixes)
        return list(itertools.islice(counting, most))

    def suffix_of(self, files: LabelFiles) -> str | None:
        """Return the suffix of the file that counts for a recording."""
        if self._options.format is not None:
            wanted = f".{self._options.format}"
            return wanted if wanted in files else None
        return next(
            (suffix for suffix in SIDE_SUFFIXES if suffix in files and _has_content(files[suffix])), None
        )

    def source_of(self, files: LabelFiles) -> str:
        """Name the kind of file that a recording's labels come from."""
        suffix = self.suffix_of(files)
        return "no file" if suffix is None else _KINDS_OF_FILES.get(suffix, f"{suffix} files")

    def segments(self, audio: Path, files: LabelFiles) -> list[LabelledSegment]:
        """Return the clips of a recording; raise ``AudioError`` if its label file cannot be used."""
        suffix = self.suffix_of(files)
        if suffix is None:
            return [LabelledSegment(audio)]
        path = files[suffix]
        if suffix in _TIERED:
            file = _with_own_times(_TIERED[suffix](path), audio)
            chosen = chosen_tiers(file, self._role, self._options)
            self._summary.add_tiers(file, chosen, self._tier_kind)
            return self._cut(audio, file, chosen, self._tier_kind)
        if suffix in _LINES:
            return self._of_lines(audio, path, suffix)
        if suffix == ".txt":
            return [self._labelled(LabelledSegment(audio), _text_lines(path), self._text_kind)]
        labels = read_side_labels({suffix: path})
        return [LabelledSegment(audio, phonemes=labels.phonemes, text=labels.text)]

    def _of_lines(self, audio: Path, path: Path, suffix: str) -> list[LabelledSegment]:
        """Return the clips of rows with times, or the whole recording with its label."""
        lines = label_lines(path)
        if not lines:
            return [LabelledSegment(audio)]
        kind = self._lab_kind or "phonemes"
        if suffix == ".ctm":
            file = read_ctm(path, lines)
        elif is_timed_row(lines[0]):
            file = read_timed_rows(path, lines, *read_header(audio))
        else:
            return [self._labelled(LabelledSegment(audio), lines, kind)]
        return self._cut(audio, file, [ChosenTiers(file.tiers[0], None)], kind)

    def _kind_of_lines(self, paths: Sequence[Path]) -> LabelKind | None:
        """Return what ``.lab`` files hold; refuse files that disagree, or do not decide."""
        if self._options.kind or not paths:
            return self._options.kind
        kinds: dict[LabelKind, Path] = {}
        pooled: list[str] = []
        for path in paths:
            labels = _labels_of_lines(path)
            kind = kind_of_labels(labels)
            if kind:
                kinds.setdefault(kind, path)
            pooled += labels if len(pooled) < 10_000 else ()
        if len(kinds) == 1:
            return next(iter(kinds))
        decided = None if kinds else kind_of_labels(pooled)
        if decided is None and pooled:
            examples: dict[Path, str] = {path: kind for kind, path in kinds.items()}
            raise ValueError(self._question(examples or {paths[0]: "phonemes or text"}))
        return decided

    def _question(self, examples: Mapping[Path, str]) -> str:
        found = "; ".join(
            f"{path.name} seems to hold {what}: {' '.join(_labels_of_lines(path))[:_EXAMPLE_LENGTH]!r}"
            for path, what in examples.items()
        )
        return (
            f"CustomAudioDataset: label_kind must be given, phonemes or text, because the label files in "
            f"{self._folder} do not show which they hold ({found})"
        )

    def _kind_of_tiers(self, sample: Sequence[AnnotatedFile]) -> LabelKind:
        """Return what the tiers of labels hold: by the configuration, their names, or their content."""
        if self._options.kind:
            return self._options.kind
        labels: list[str] = []
        names: set[str] = set()
        for file in sample:
            try:
                for chosen in chosen_tiers(file, self._role, self._options):
                    role = role_of(chosen.labels)
                    if role == "phones":
                        return "phonemes"
                    if role in ("words", "utterances"):
                        return "text"
                    names.add(chosen.labels.name)
                    labels += [label.text for label in chosen.labels.labels]
            except AudioError:
                continue
        if self._options.tier and names and all(map(is_silence, labels)):
            raise ValueError(
                f"CustomAudioDataset: label_tier must be a tier with labels, {', '.join(sorted(names)[:3])} "
                f"has none in the {number_of(len(sample), 'label file')} of {self._folder} that were read"
            )
        kind = kind_of_labels(labels)
        if kind is None and labels:
            shown = " ".join(label for label in labels if not is_silence(label))[:_EXAMPLE_LENGTH]
            raise ValueError(
                f"CustomAudioDataset: label_kind must be given, phonemes or text, because the tiers of "
                f"{self._folder} do not show which they hold ({', '.join(sorted(names)[:3])}: {shown!r})"
            )
        return kind or "text"

    def _cut(
        self, audio: Path, file: AnnotatedFile, chosen: Sequence[ChosenTiers], kind: LabelKind
    ) -> list[LabelledSegment]:
        seconds, _ = read_header(audio)
        is_one_clip = len(chosen) == 1 and seconds <= self._options.longest_seconds
        found = [
            one for tiers in chosen for one in self._of_speaker(audio, tiers, kind, seconds, is_one_clip)
        ]
        found.sort(key=lambda segment: segment.start)
        self._summary.num_overlapping += sum(_cross(one, other) for one, other in itertools.pairwise(found))
        if file.seconds is not None and abs(file.seconds - seconds) > _OTHER_LENGTH_SECONDS:
            self._summary.num_other_lengths += 1
        self._summary.recording_seconds += seconds
        self._summary.clip_seconds += sum(
            (seconds if segment.end is None else segment.end) - segment.start for segment in found
        )
        return found or [LabelledSegment(audio)]

    def _of_speaker(
        self, audio: Path, tiers: ChosenTiers, kind: LabelKind, seconds: float, is_one_clip: bool
    ) -> Iterator[LabelledSegment]:
        unknown = self._options.unknown_speech
        done = cut(tiers, kind, seconds=seconds, is_one_clip=is_one_clip, unknown_speech=unknown)
        self._summary.num_empty += done.num_empty
        self._summary.num_unknown += done.num_unknown
        self._summary.num_outside += done.num_outside
        for clip in done.clips:
            segment = LabelledSegment(
                audio, clip.start, clip.end, speaker=tiers.speaker, fault=clip.fault, text=clip.text
            )
            yield self._labelled(segment, clip.labels, kind)

    def _labelled(self, segment: LabelledSegment, labels: Iterable[str], kind: LabelKind) -> LabelledSegment:
        return labelled(segment, labels, kind, self._options.unknown_speech)


def _text_lines(path: Path) -> list[str]:
    """Return the lines of a text; rows with times, as Audacity writes them, would be read out."""
    lines = label_lines(path)
    if lines and all(line.count("\t") > 1 and is_timed_row(line) for line in lines):
        raise AudioError(
            f"{printable(path)}: must hold a text, it has rows of start, end and label; put them into a table"
        )
    return lines


def _cross(one: LabelledSegment, other: LabelledSegment) -> bool:
    return one.speaker != other.speaker and one.end is not None and other.start < one.end


def _labels_of_lines(path: Path) -> list[str]:
    """Return the labels of a ``.lab`` or ``.ctm`` file without times; nothing if it cannot be read."""
    try:
        lines = label_lines(path)
    except AudioError:
        return []
    if path.suffix.lower() == ".ctm":
        return [cells[4] for line in lines if len(cells := line.split()) > 4]  # noqa: PLR2004 - its columns
    return [" ".join(line.split()[2:3]) if is_timed_row(line) else line for line in lines]


def _has_content(path: Path) -> bool:
    """Return whether a file may hold labels; one that cannot be read is reported later."""
    try:
        return bool(label_lines(path)) if path.suffix.lower() not in _TIERED else path.stat().st_size > 0
    except (AudioError, OSError):
        return True


def _readable(paths: Iterable[Path]) -> Iterator[AnnotatedFile]:
    """Yield the content of the files that can be read."""
    for path in paths:
        try:
            yield _TIERED[path.suffix.lower()](path)
        except AudioError:
            continue


def _with_own_times(file: AnnotatedFile, audio: Path) -> AnnotatedFile:
    """Shift the times of a TextGrid that keeps those of a longer recording, which this one was cut from."""
    shifted = file.from_start()
    if not file.start or shifted.seconds is None:
        return file
    seconds, _ = read_header(audio)
    return shifted if abs(shifted.seconds - seconds) < _OTHER_LENGTH_SECONDS else file
