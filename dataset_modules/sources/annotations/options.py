"""How label files are to be read: the arguments of a data set about labels."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple

from dataset_modules.sources.annotations.contract import AnnotationTier, LabelKind
from dataset_modules.sources.annotations.file_names import composed

# What becomes of speech that labels mark as unknown: cut out of its clip, the clip left out, or a pause.
UnknownSpeech = Literal["cut", "skip", "pause"]
SpeakerSource = Literal["labels", "file", "folder"]
LabelFormat = Literal["table", "kaldi", "jsonl", "textgrid", "eaf", "ctm", "phn", "ipa", "lab", "txt"]

# What programs call their tiers, in lower case, without the speaker.
PHONE_TIERS = frozenset(
    {
        "phone",
        "phones",
        "phoneme",
        "phonemes",
        "phon",
        "phonetic",
        "segment",
        "segments",
        "mau",
        "ipa",
        "sampa",
    }
)
WORD_TIERS = frozenset({"word", "words", "ort-mau", "kan-mau", "ort", "kan"})
UTTERANCE_TIERS = frozenset(
    {"utterance", "utterances", "utt", "sentence", "sentences", "phrase", "phrases", "turn", "turns", "ipu"}
    | {"text", "texts", "transcript", "transcripts", "transcription", "transcriptions", "orthography", "trn"}
)
_ROLES = PHONE_TIERS | WORD_TIERS | UTTERANCE_TIERS


class LabelOptions(NamedTuple):
    """What a configuration states about labels; None leaves it to the content."""

    format: LabelFormat | None = None
    kind: LabelKind | None = None
    tier: str | None = None  # a name or pattern
    clip_tier: str | None = None
    folder: Path | None = None  # of label files that do not lie beside the audio
    speaker_from: SpeakerSource = "labels"
    longest_seconds: float = 30.0  # of a recording that is one clip
    language: str | None = None  # of the data set
    unknown_speech: UnknownSpeech = "cut"
    word_tier: str | None = None  # whose intervals divide phonemes into words


class TierName(NamedTuple):
    """A tier's name, without its speaker."""

    base: str
    speaker: str | None


def tier_name(tier: AnnotationTier) -> TierName:
    """Divide names such as ``anna - phones``, ``phones - anna`` and ``phones@anna``.

    >>> tier_name(AnnotationTier("anna - Phones", ()))
    TierName(base='phones', speaker='anna')
    >>> tier_name(AnnotationTier("words", (), speaker="boris"))
    TierName(base='words', speaker='boris')
    """
    name = tier.name
    first, mark, last = name.rpartition(" - ")
    if not mark:
        last, mark, first = name.partition("@")
    if mark and last.strip().lower() not in _ROLES and first.strip().lower() in _ROLES:
        first, last = last, first
    if mark and first.strip() and last.strip():
        return TierName(last.strip().lower(), tier.speaker or first.strip())
    return TierName(name.strip().lower(), tier.speaker)


def matches(tier: AnnotationTier, pattern: str) -> bool:
    """Return whether a tier's name, its name without the speaker, or its linguistic type fits a pattern.

    >>> matches(AnnotationTier("anna - phones", ()), "Phones")
    True
    """
    names = (tier.name, tier_name(tier).base, tier.linguistic_type or "")
    wanted = composed(pattern.strip().lower())
    return any(fnmatchcase(composed(name.lower()), wanted) for name in names)
