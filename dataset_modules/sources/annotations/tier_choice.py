"""Which tiers of a file hold the labels, and which tiers cut it into clips."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.contract import AnnotatedFile, AnnotationTier
from dataset_modules.sources.annotations.formats.elan import ancestors_of
from dataset_modules.sources.annotations.label_content import is_silence
from dataset_modules.sources.annotations.options import (
    PHONE_TIERS,
    UTTERANCE_TIERS,
    WORD_TIERS,
    LabelOptions,
    matches,
    tier_name,
)

TierRole = Literal["phones", "utterances", "words", "other"]
# A folder's labels come from the first of these that its files have.
_NAMES_OF_ROLES: dict[TierRole, frozenset[str]] = {
    "phones": PHONE_TIERS,
    "utterances": UTTERANCE_TIERS,
    "words": WORD_TIERS,
}
_NAMED = 8  # tiers in a message
_MOST_TIERS = 1000  # of a file; each is compared with each


class ChosenTiers(NamedTuple):
    """The labels of one speaker, the tier that cuts them into clips, and the tier of words around phones."""

    labels: AnnotationTier
    speaker: str | None
    clips: AnnotationTier | None = None
    words: AnnotationTier | None = None


def role_of(tier: AnnotationTier) -> TierRole:
    """Return what a tier's name says about its content."""
    base = tier_name(tier).base
    return next((role for role, names in _NAMES_OF_ROLES.items() if base in names), "other")


def first_role(files: Sequence[AnnotatedFile]) -> TierRole:
    """Return the role of the tiers that files take their labels from."""
    present = {role_of(tier) for file in files for tier in file.tiers if _has_labels(tier)}
    return next((role for role in _NAMES_OF_ROLES if role in present), "other")


def chosen_tiers(file: AnnotatedFile, role: TierRole, options: LabelOptions) -> list[ChosenTiers]:
    """Return the tiers of labels, one for each speaker; raise ``AudioError`` if the file has none."""
    if len(file.tiers) > _MOST_TIERS:
        raise AudioError(f"its label file must have at most {_MOST_TIERS} tiers, it has {len(file.tiers)}")
    found = _labelling(file, role, options)
    many = len(found) > 1
    if len({_speaker_of(tier, options, many) for tier in found}) < len(found):
        named = ", ".join(tier.name for tier in found)
        is_same = len({tier.name for tier in found}) < len(found)
        advice = "; rename those of one name, or delete all but one" if is_same else ""
        raise AudioError(f"label_tier must name one tier of a speaker, several fit: {named}{advice}")
    return [_with_others(tier, file, options, _speaker_of(tier, options, many)) for tier in found]


def _labelling(file: AnnotatedFile, role: TierRole, options: LabelOptions) -> list[AnnotationTier]:
    if options.tier is not None:
        fitting = [tier for tier in file.tiers if matches(tier, options.tier)]
        found = [tier for tier in fitting if _has_labels(tier)] or fitting
        wanted = f"label_tier={options.tier!r}"
    else:
        found = [tier for tier in file.tiers if role_of(tier) == role and _has_labels(tier)]
        wanted = "a tier of labels" if role == "other" else f"a tier of {role}"
    names = ", ".join(repr(tier.name) for tier in file.tiers[:_NAMED])
    if not found:
        raise AudioError(f"its label file must have {wanted}, it has {names or 'no tiers'}")
    if options.tier is None and role == "other" and len(found) > 1:
        raise AudioError(
            f"label_tier must say which tier holds the labels: it has {names}; where each is another "
            f"speaker's, * takes them all"
        )
    return found


def _with_others(
    tier: AnnotationTier, file: AnnotatedFile, options: LabelOptions, speaker: str | None
) -> ChosenTiers:
    others = [other for other in file.tiers if other is not tier]
    own = [other for other in others if tier_name(other).speaker in (None, speaker)]
    return ChosenTiers(
        tier, speaker, _clip_tier(tier, file, own, options), _word_tier(tier, file, own, options)
    )


def _word_tier(
    tier: AnnotationTier, file: AnnotatedFile, own: Sequence[AnnotationTier], options: LabelOptions
) -> AnnotationTier | None:
    if role_of(tier) in ("words", "utterances"):
        return None
    if options.word_tier is not None:
        return _stated("word_tier", options.word_tier, file, own)
    return next((other for other in own if role_of(other) == "words"), None)


def _stated(option: str, pattern: str, file: AnnotatedFile, own: Sequence[AnnotationTier]) -> AnnotationTier:
    """Return the one tier of a speaker that an option names."""
    found = [other for other in own if matches(other, pattern)]
    if len(found) != 1:
        names = ", ".join(repr(other.name) for other in found or file.tiers[:_NAMED])
        raise AudioError(
            f"{option}={pattern!r} must fit one tier of a speaker, "
            f"{'these fit' if found else 'it has'}: {names}"
        )
    return found[0]


def _clip_tier(
    tier: AnnotationTier, file: AnnotatedFile, own: Sequence[AnnotationTier], options: LabelOptions
) -> AnnotationTier | None:
    if options.clip_tier is not None:
        if matches(tier, options.clip_tier):
            return tier
        return _stated("clip_tier", options.clip_tier, file, own)
    if role_of(tier) == "utterances":
        return tier
    ancestors = list(ancestors_of(tier, {other.name: other for other in file.tiers}))
    candidates = [*ancestors[::-1], *own]
    return next((one for one in candidates if role_of(one) == "utterances" and _has_labels(one)), None) or (
        ancestors[-1] if ancestors and role_of(ancestors[-1]) == "other" else None
    )


def _speaker_of(tier: AnnotationTier, options: LabelOptions, many: bool) -> str | None:
    """Return the speaker; tiers that one pattern takes are named by their speakers, unless they say more."""
    speaker = tier_name(tier).speaker
    if speaker is None and (many or (options.tier and "*" in options.tier)) and role_of(tier) == "other":
        return tier.name
    return speaker


def _has_labels(tier: AnnotationTier) -> bool:
    return any(not is_silence(label.text) for label in tier.labels)
