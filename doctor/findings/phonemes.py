"""Checks of the labels of all clips; each check returns one finding or none."""

from doctor.findings.finding import Finding, many
from doctor.survey import Survey

RARE_COUNT = 20
_PHONEMES_NAMED, _RARE_NAMED = 10, 30


def unknown_phonemes(survey: Survey) -> Finding | None:
    """Labels may lie outside the vocabulary."""
    kinds: dict[str, int] = {}
    examples: dict[str, list[str]] = {}
    for split in survey.splits.values():
        for phoneme, count in split.unknown.items():
            kinds[phoneme] = kinds.get(phoneme, 0) + count
            examples.setdefault(phoneme, []).extend(split.unknown_examples.get(phoneme, []))
    if not kinds:
        return None
    total = sum(kinds.values())
    clips = sum(int((split.clips.num_unknown > 0).sum()) for split in survey.splits.values())
    policy, consequence = survey.unknown_policy, _consequence(survey)
    worst = sorted(kinds, key=lambda phoneme: -kinds[phoneme])
    return Finding(
        "fatal" if consequence is None else "warning",
        "unknown_phonemes",
        f"{many(total, 'phoneme')} of {many(len(kinds), 'kind')} not in the vocabulary",
        f"In {many(clips, 'clip')}. data.unknown_phonemes is {policy}: "
        + (consequence or "training would not start."),
        "Add them to model.vocab_file if they are sounds of the language, correct the labels if not, "
        "or choose another data.unknown_phonemes.",
        tuple(
            f"{phoneme} ({kinds[phoneme]:,}×), such as in {examples[phoneme][0]}"
            for phoneme in worst[:_PHONEMES_NAMED]
        ),
        total,
    )


def _consequence(survey: Survey) -> str | None:
    """Describe how training treats unknown phonemes; None if it stops."""
    return {
        "map_to_unknown": "they become the unknown token.",
        "drop": "they are removed from the labels, although they are spoken.",
        "skip": "these recordings are skipped.",
    }.get(survey.unknown_policy)


def never_trained_on(survey: Survey) -> Finding | None:
    """Phonemes may be evaluated but never trained on."""
    train = survey.trained_on.phonemes
    others = {name: split for name, split in survey.splits.items() if name != "train"}
    missing = {
        phoneme: [name for name, split in others.items() if split.phonemes[phoneme]]
        for phoneme in survey.vocabulary
        if not train[phoneme] and any(split.phonemes[phoneme] for split in others.values())
    }
    if not missing or not train:
        return None
    return Finding(
        "warning",
        "never_trained_on",
        f"{many(len(missing), 'phoneme')} evaluated but never trained on",
        "The model cannot learn them from this training split, so each of them is an error.",
        "Add recordings with these phonemes to the training split.",
        tuple(f"{phoneme}: in {' and '.join(names)}" for phoneme, names in missing.items())[:_PHONEMES_NAMED],
        len(missing),
    )


def rare_phonemes(survey: Survey) -> Finding | None:
    """Rare phonemes have too few examples to be learnt well."""
    train = survey.trained_on.phonemes
    rare = sorted((train[phoneme], phoneme) for phoneme in survey.vocabulary if train[phoneme] < RARE_COUNT)
    if not rare or not train:
        return None
    absent = sum(count == 0 for count, _ in rare)
    return Finding(
        "warning" if len(rare) - absent else "note",
        "rare_phonemes",
        f"{many(len(rare), 'phoneme')} rarer than {RARE_COUNT} times in train",
        f"{absent} of them never occur." if absent else "All of them occur.",
        "Expect many errors in them; more recordings help, or a smaller vocabulary where they do not exist.",
        tuple(line for line in (_never(rare), _seldom(rare)) if line),
        len(rare),
    )


def _never(rare: list[tuple[int, str]]) -> str:
    names = [phoneme for count, phoneme in rare if not count]
    return f"never: {_listed(names)}" if names else ""


def _seldom(rare: list[tuple[int, str]]) -> str:
    names = [f"{phoneme} ({count}×)" for count, phoneme in rare if count]
    return f"seldom: {_listed(names)}" if names else ""


def _listed(names: list[str]) -> str:
    rest = len(names) - _RARE_NAMED
    return ", ".join(names[:_RARE_NAMED]) + (f" and {rest} more" if rest > 0 else "")
