"""Names from data, printed so that they cannot steer a terminal or forge a line."""

import unicodedata

_JOINERS = "\u200c\u200d"  # Persian and Indian scripts are spelt with them
_ESCAPED = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, format, surrogate, line and paragraph separator


def printable(text: object, *, keep: str = "", most_characters: int | None = None) -> str:
    r"""Return a text whose control characters, bidirectional controls and line ends are escaped.

    Letters, combining marks and joiners of all scripts stay as they are; characters of ``keep``, too.

    >>> printable("kɔ̃\x1b[2J.wav\n"), printable("мост"), printable("abcdef", most_characters=4)
    ('kɔ̃\\x1b[2J.wav\\n', 'мост', 'abcd…')
    """
    whole = str(text)
    shown = whole if most_characters is None else whole[:most_characters]
    if not shown.isascii() or not shown.isprintable():
        shown = "".join(one if _is_harmless(one, keep) else _escape(one) for one in shown)
    return shown if len(whole) <= len(shown) or most_characters is None else f"{shown}…"


def printable_lines(text: object, *, indent: str = "") -> str:
    r"""Return a text of several lines, as ``printable`` returns one; further lines may be indented.

    An indented line cannot pose as another message.

    >>> printable_lines("a\nb\x1b", indent="  ")
    'a\n  b\\x1b'
    """
    return printable(text, keep="\n\t").replace("\n", f"\n{indent}")


def _is_harmless(character: str, keep: str) -> bool:
    is_plain = character.isprintable() or unicodedata.category(character) not in _ESCAPED
    return is_plain or character in _JOINERS or character in keep


def _escape(character: str) -> str:
    return character.encode("unicode_escape", errors="surrogatepass").decode("ascii")
