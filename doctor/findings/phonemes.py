"""Checks of the labels of all clips."""

from collections import Counter
from collections.abc import Iterator

from doctor.findings.finding import Finding, listed, many
from doctor.survey import Survey

RARE_COUNT = 20
_PHONEMES_NAMED, _RARE_NAMED = 10, 30
# How training treats unknown phonemes; any other policy refuses them.
_CONSEQUENCES = {
    "map_to_unknown": "they become the unknown token.",
    "drop": "they are removed from the labels, although they are spoken.",
    "skip": "these recordings are skipped.",
}


def unknown_phonemes(survey: Survey) -> Iterator[Finding]:
    """Labels may lie outside the vocabulary."""
    splits = survey.splits.values()
    unknown = sum((split.unknown for split in splits), Counter[str]())
    if unknown:
        clips = sum(int((split.clips["num_unknown"] > 0).sum()) for split in splits)
        policy, total = survey.unknown_policy, unknown.total()
        examples = {key: ids[0] for split in reversed(splits) for key, ids in split.unknown_examples.items()}
        yield Finding(
            "warning" if policy in _CONSEQUENCES else "fatal",
            "unknown_phonemes",
            f"{many(total, 'phoneme')} of {many(len(unknown), 'kind')} not in the vocabulary",
            f"In {many(clips, 'clip')}. data.unknown_phonemes is {policy}: "
            + _CONSEQUENCES.get(policy, "training would not start."),
            "Add them to model.vocab_file if they are sounds of the language, correct the labels if they are "
            "not, or choose another data.unknown_phonemes.",
            tuple(
                f"{phoneme} ({count:,}×), such as in {examples[phoneme]}"
                for phoneme, count in unknown.most_common(_PHONEMES_NAMED)
            ),
            total,
        )


def never_trained_on(survey: Survey) -> Iterator[Finding]:
    """Phonemes may be evaluated but never trained on."""
    occurrences = {
        phoneme: [name for name, split in survey.splits.items() if split.phonemes[phoneme]]
        for phoneme in survey.vocabulary
        if not survey.trained_on.trains(phoneme)
    }
    missing = [f"{phoneme}: in {' and '.join(names)}" for phoneme, names in occurrences.items() if names]
    if missing and len(survey.trained_on):
        yield Finding(
            "warning",
            "never_trained_on",
            f"{many(len(missing), 'phoneme')} evaluated but never trained on",
            "The model cannot learn them from this training split, so each of them is an error.",
            "Add recordings with these phonemes to the training split.",
            tuple(missing[:_PHONEMES_NAMED]),
            len(missing),
        )


def rare_phonemes(survey: Survey) -> Iterator[Finding]:
    """Rare phonemes have too few examples to be learnt well."""
    train = survey.trained_on.phonemes
    never = sorted(phoneme for phoneme in survey.vocabulary if not survey.trained_on.trains(phoneme))
    rare = sorted((train[name], name) for name in survey.vocabulary if 0 < train[name] < RARE_COUNT)
    seldom = [f"{phoneme} ({count}×)" for count, phoneme in rare]
    number = len(never) + len(seldom)
    if number and train:
        title, text, advice = _about_rare(len(never), len(seldom), bool(survey.trained_on.synthetic))
        yield Finding(
            "warning" if seldom else "note",
            "rare_phonemes",
            title,
            text,
            advice,
            tuple(
                f"{how_often}: {listed(names, _RARE_NAMED)}"
                for how_often, names in (("never", never), ("seldom", seldom))
                if names
            ),
            number,
        )


def _about_rare(never: int, seldom: int, has_synthetic: bool) -> tuple[str, str, str]:
    """Return title, text and advice; a vocabulary may well have phonemes that no recording has."""
    if not seldom:
        return (
            f"{many(never, 'phoneme')} of the vocabulary never in train",
            "The model will not recognise them.",
            "Do nothing if the language has them and these recordings need not.",
        )
    absent = "All of them occur."
    if never:
        beside = ", in synthetic speech either" if has_synthetic else ""
        absent = f"{never} of them never {'occurs' if never == 1 else 'occur'}{beside}."
    return (
        f"{many(never + seldom, 'phoneme')} rarer than {RARE_COUNT} times in train",
        absent,
        "Expect many errors in them; more recordings help, or a smaller vocabulary if they do not exist.",
    )
