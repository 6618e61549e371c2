"""Checks of the texts that labels are made from."""

from collections.abc import Iterator

from doctor.findings.finding import Finding, many
from doctor.survey import Survey
from installation import PROGRAM

# What a text-to-phoneme backend does with each kind, and what helps.
_KINDS = {
    "foreign script": (
        "letters of a foreign script",
        "espeak-ng names such letters, or reads them by the rules of another language.",
        "Check the language; write these words as they are spoken, or leave the clips out.",
    ),
    "markup": (
        "markup or remarks in brackets",
        "They are read out, although nobody says them.",
        "Remove them from the texts.",
    ),
    "digits": (
        "digits",
        "A number can be spoken in several ways, and the speaker may have chosen another one.",
        "Write numbers in words, as they are spoken.",
    ),
    "spoken symbols": (
        "symbols that are read out",
        "Their names become part of the label.",
        "Write them in words where they are spoken, and remove them elsewhere.",
    ),
    "spelled-out letters": (
        "words in capitals",
        "They are spelled out or read as a word, and the speaker may have done the other.",
        "Write them as they are spoken.",
    ),
    "abbreviations": (
        "abbreviations",
        "Few of them are read in full.",
        "Write them in full.",
    ),
    "lost letters": (
        "? inside a sentence",
        "It stands for a letter, such as one with an accent, that a conversion of the file has lost.",
        "Write the letters again, or leave the clips out.",
    ),
}


def odd_texts(survey: Survey) -> Iterator[Finding]:
    """Texts may hold parts that are spoken otherwise than they are written."""
    for kind, (name, text, advice) in _KINDS.items():
        if odd := survey.odd_texts.get(kind):
            yield Finding(
                "warning",
                f"odd_texts_{kind.replace(' ', '_').replace('-', '_')}",
                f"{many(odd.number, 'text')} with {name}",
                text,
                f"{advice} See the phonemes with {PROGRAM} phonemize.",
                tuple(odd.examples),
                odd.number,
            )
