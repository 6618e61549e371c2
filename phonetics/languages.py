"""Names of languages: codes such as ``it`` or ``en-us``, and the nearest ones to a wrong name."""

import re

from phonetics.text_to_phonemes.espeak import espeak_languages, nearest_languages

_CODE = re.compile(r"[A-Za-z]{2,4}(?:[-_][A-Za-z0-9]+)*")  # piqd has four letters


def check_language(owner: str, language: str) -> None:
    """Raise ``ValueError`` for what cannot be a language's code; the message has the nearest codes.

    >>> check_language("data", "italian")
    Traceback (most recent call last):
    ValueError: data: language must be a code such as it or en-us, got 'italian'; nearest: it
    """
    if _CODE.fullmatch(language):
        return
    try:
        near = nearest_languages(language, espeak_languages())
    except ValueError:  # espeak-ng is not installed
        near = []
    raise ValueError(
        f"{owner}: language must be a code such as it or en-us, got {language!r}"
        + (f"; nearest: {', '.join(near)}" if near else "")
    )


def usual_variety(language: str) -> str:
    """Return espeak-ng's usual variety of a language that it has no plain voice for; others stay.

    >>> usual_variety("en"), usual_variety("fr"), usual_variety("it"), usual_variety("xx")
    ('en-us', 'fr-fr', 'it', 'xx')
    """
    try:
        spoken = espeak_languages()
    except ValueError:  # espeak-ng is not installed
        return language
    near = nearest_languages(language, spoken) if language not in spoken else []
    return next((code for code in near if code.split("-")[0] == language.lower()), language)
