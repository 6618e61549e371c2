"""Labels → segments → recordings: a name for each, and the part of its file as audio."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dataset_modules.recording import Recording, UnusableAudio
from dataset_modules.sources.annotations.audio_part import AudioPart
from dataset_modules.sources.annotations.contract import LabelKind, LabelledSegment
from dataset_modules.sources.annotations.file_names import composed
from dataset_modules.sources.annotations.label_content import tokens_of, unknown_among
from dataset_modules.sources.annotations.options import SpeakerSource, UnknownSpeech


def labelled(
    segment: LabelledSegment, labels: Iterable[str], kind: LabelKind, unknown_speech: UnknownSpeech
) -> LabelledSegment:
    """Give a segment its label; unknown speech without times cannot be cut out, so it is a fault.

    >>> labelled(LabelledSegment(Path("a.wav")), ["sil d a"], "phonemes", "cut").phonemes
    ('d', 'a')
    """
    tokens = tokens_of(labels, kind)
    if unknown_speech == "pause":
        tokens = [token for token in tokens if unknown_among([token], kind) is None]
    unknown = unknown_among(tokens, kind)
    fault = f"its label marks speech whose phonemes are not known: {unknown}" if unknown else None
    segment = segment._replace(fault=segment.fault or fault)
    if kind == "text":
        return segment._replace(text=" ".join(tokens) or None)
    return segment._replace(phonemes=tuple(tokens) or None)


def recordings_of(
    file_id: str, segments: Sequence[LabelledSegment], speaker_from: SpeakerSource = "labels"
) -> Iterator[Recording]:
    """Name a file's segments ``file#0001`` and so on; a whole file keeps its name.

    >>> segments = [LabelledSegment(Path("a.wav"), 0.5, 1.0), LabelledSegment(Path("a.wav"), 1.0, 2.0)]
    >>> [recording.id for recording in recordings_of("a.wav", segments)]
    ['a.wav#0001', 'a.wav#0002']
    """
    for number, segment in enumerate(segments, start=1):
        is_file = segment.is_whole and len(segments) == 1
        name = segment.id or (file_id if is_file else f"{file_id}#{number:04d}")
        speaker = _speaker(file_id, segment, speaker_from)
        stated = segment if speaker == segment.speaker else segment._replace(speaker=speaker)
        yield recording_of(name, stated)


def recording_of(name: str, segment: LabelledSegment) -> Recording:
    """Return the recording of one segment; its audio is its file, or a part of it."""
    return Recording(
        name,
        UnusableAudio(segment.fault, segment.audio) if segment.fault else _audio(segment),
        segment.phonemes,
        segment.text,
        segment.speaker and composed(segment.speaker),
        segment.language,
        segment.attributes,
    )


def _audio(segment: LabelledSegment) -> Path | AudioPart:
    if segment.is_whole:
        return segment.audio
    return AudioPart(segment.audio, segment.start, segment.end)


def _speaker(file_id: str, segment: LabelledSegment, source: SpeakerSource) -> str | None:
    """Return the speaker that labels state, or the name of the file or of its folder."""
    if segment.speaker or source == "labels":
        return segment.speaker
    path = Path(file_id)
    return path.stem if source == "file" else path.parent.name or segment.audio.parent.name
