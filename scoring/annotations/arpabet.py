"""The phones of English corpora in ARPABET, as IPA."""

import re

from phonetics.articulation import TIMIT_TO_IPA

_STRESS = re.compile(r"(?<=[A-Za-z])[0-2]$")
_UNSTRESSED = {"ah0": "ə", "er0": "ɚ", "er": "ɚ"}
SILENCES = frozenset(("", "sil", "sp", "spn", "pau", "<del>"))


def arpabet_to_ipa(phone: str) -> str:
    """Return the IPA of a phone, with or without a digit of stress; an unknown one raises ``ValueError``.

    >>> [arpabet_to_ipa(phone) for phone in ("DH", "AH0", "AH1", "ER0", "HH", "AO1", "G")]
    ['ð', 'ə', 'ʌ', 'ɚ', 'h', 'ɔ', 'ɡ']
    """
    name = phone.strip().lower()
    ipa = _UNSTRESSED.get(name) or TIMIT_TO_IPA.get(_STRESS.sub("", name))
    if not ipa:
        raise ValueError(f"the phone must be of ARPABET, got {phone!r}")
    return ipa


def perceived(phone: str) -> str | None:
    """Return what an annotator perceived as IPA, "" for nothing; None for an accented or unknown phone.

    >>> perceived("S"), perceived("sil"), perceived("T*"), perceived("err")
    ('s', '', None, None)
    """
    if phone.strip().lower() in SILENCES:
        return ""
    try:
        return arpabet_to_ipa(phone)
    except ValueError:
        return None
