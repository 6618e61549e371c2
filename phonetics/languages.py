"""Names of languages: codes such as ``it`` or ``en-us``, and the nearest ones to a wrong name."""

import re
from collections.abc import Iterable

from phonetics.text_to_phonemes.espeak import OTHER_CODES, espeak_languages, nearest_languages

# Names of Common Voice that begin otherwise than the code of espeak-ng.
_OTHER_LOCALES = {"cmn": ("zh-cn", "zh-tw"), "yue": ("zh-hk",), "no": ("nb", "nn"), "ku": ("kmr",)}
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
    """Return espeak-ng's code of a language; one that it has no voice for stays.

    A language without a plain voice, or with a region that espeak-ng does not have, gets its usual variety.

    >>> usual_variety("en"), usual_variety("fr"), usual_variety("it"), usual_variety("xx")
    ('en-us', 'fr-fr', 'it', 'xx')
    >>> usual_variety("it_IT"), usual_variety("pt-BR"), usual_variety("pt-PT"), usual_variety("zh")
    ('it', 'pt-br', 'pt', 'cmn')
    """
    try:
        spoken = espeak_languages()
    except ValueError:  # espeak-ng is not installed
        return language
    if language in spoken:
        return language
    wanted = language.lower().replace("_", "-")
    plain = wanted.split("-")[0]
    by_lower = {code.lower(): code for code in spoken}
    near = nearest_languages(language, spoken)
    usual = next((code for code in near if code.split("-")[0] == plain), None)
    other = OTHER_CODES.get(wanted) or OTHER_CODES.get(plain)
    return by_lower.get(wanted) or by_lower.get(plain) or usual or other or language


def locales_of(language: str, known: Iterable[str]) -> list[str]:
    """Return the known names of a language: its own code, else its plain code, else those of all its regions.

    >>> locales_of("en-us", ["en", "eo"]), locales_of("sv", ["sv-SE", "sw"]), locales_of("pt_PT", ["pt"])
    (['en'], ['sv-SE'], ['pt'])
    >>> locales_of("cmn", ["zh-CN", "zh-HK", "zh-TW"]), locales_of("zh-tw", ["zh-CN", "zh-TW"])
    (['zh-CN', 'zh-TW'], ['zh-TW'])
    >>> locales_of("zh-CN", ["zh-HK", "zh-TW"])
    []
    """
    wanted = language.lower().replace("_", "-")
    plain = wanted.split("-")[0]
    by_lower = {name.lower(): name for name in known}
    for name in (wanted, plain):
        if name in by_lower:
            return [by_lower[name]]
    names = (*((plain,) if wanted == plain else ()), *_OTHER_LOCALES.get(plain, ()))
    regions = tuple(f"{name}-" for name in names)
    return sorted(name for low, name in by_lower.items() if low in names or low.startswith(regions))
