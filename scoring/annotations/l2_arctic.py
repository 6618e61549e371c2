"""L2-ARCTIC: for each speaker ``wav/`` and ``annotation/*.TextGrid``, whose tier of phones marks errors.

A phone is its name, or ``CPH,PPH,s``: the canonical phone, the perceived one, and s (substitution), d
(deletion) or a (addition). Added phones have no canonical one: they are not scored.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dataset_modules.sources.annotations.contract import AnnotatedFile, AnnotationTier, TimedLabel
from dataset_modules.sources.annotations.formats.textgrid import read_textgrid
from scoring.annotations.arpabet import SILENCES, arpabet_to_ipa, perceived
from scoring.annotations.contract import AnnotatedPhoneme, AnnotatedUtterance, AnnotatedWord

# The speakers that studies usually test with, one of each first language.
TEST_SPEAKERS = frozenset(("NJS", "TLV", "TNI", "TXHC", "YKWK", "ZHAA"))
SPLITS = ("train", "test", "all")


def l2_arctic(folder: Path, split: str) -> Iterator[AnnotatedUtterance]:
    """Yield the annotated utterances of the test speakers, of the others, or of all."""
    for path in sorted(folder.glob("*/annotation/*.TextGrid")):
        speaker = path.parts[-3]
        if split == "all" or (speaker in TEST_SPEAKERS) == (split == "test"):
            audio = path.parents[1] / "wav" / f"{path.stem}.wav"
            utterance = AnnotatedUtterance(f"{speaker}/{path.stem}", audio, speaker=speaker)
            try:
                yield utterance._replace(words=_words(read_textgrid(path)))
            except ValueError as error:  # of the TextGrid, or of a phone
                yield utterance._replace(fault=str(error))


def _words(file: AnnotatedFile) -> tuple[AnnotatedWord, ...]:
    words = [word for word in _tier(file, "words").labels if word.text.lower() not in SILENCES]
    phones = [phone for phone in _tier(file, "phones").labels if phone.text]
    found = [_word(_inside(phones, words, number)) for number in range(len(words))]
    return tuple(word for word in found if word.phonemes)


def _word(phones: Sequence[TimedLabel]) -> AnnotatedWord:
    """Return a word; added phones, which are not expected, are among what was said."""
    phonemes = [_phoneme(phone) for phone in phones]
    said = [
        _added(phone) if one is None else one.symbol if one.said is None else one.said
        for phone, one in zip(phones, phonemes, strict=True)
    ]
    return AnnotatedWord(tuple(filter(None, phonemes)), said=tuple(filter(None, said)))


def _added(label: TimedLabel) -> str:
    """Return the phoneme that was added; "" for silence, and for one that nobody knows."""
    return (perceived(label.text.split(",")[1]) or "") if "," in label.text else ""


def _tier(file: AnnotatedFile, name: str) -> AnnotationTier:
    for tier in file.tiers:
        if tier.name.lower() == name:
            return tier
    raise ValueError(
        f"the TextGrid must have a tier {name}, its tiers are: {[one.name for one in file.tiers]}"
    )


def _inside(phones: Sequence[TimedLabel], words: Sequence[TimedLabel], number: int) -> list[TimedLabel]:
    """List the phones of a word; those between two words belong to the first of them."""
    start = words[number].start if number else 0.0
    end = words[number + 1].start if number + 1 < len(words) else float("inf")
    return [phone for phone in phones if start <= phone.middle < end]


def _phoneme(label: TimedLabel) -> AnnotatedPhoneme | None:
    """Return an annotated phone; None for silence and added phones."""
    parts = [part.strip() for part in label.text.split(",")]
    if len(parts) == 1:
        return (
            None
            if parts[0].lower() in SILENCES
            else AnnotatedPhoneme(arpabet_to_ipa(parts[0]), is_right=True)
        )
    if len(parts) != 3 or parts[2].lower() not in ("s", "d", "a"):  # noqa: PLR2004
        raise ValueError(f"an error must be canonical, perceived and s, d or a, got {label.text!r}")
    canonical, said, kind = parts[0], parts[1], parts[2].lower()
    if kind == "a":
        return None
    return AnnotatedPhoneme(
        arpabet_to_ipa(canonical), is_right=False, said="" if kind == "d" else perceived(said)
    )
