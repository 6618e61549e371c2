"""Names steer no terminal and forge no line; letters of all scripts stay readable."""

import pytest

from untrusted.printing import printable


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("a\x1b]0;title\x07b", r"a\x1b]0;title\x07b"),
        ("a\nerror: b\r", r"a\nerror: b\r"),
        ("\x9b2J\x85", r"\x9b2J\x85"),
        ("gpj.\u202egnp", r"gpj.\u202egnp"),
        ("\u2066\u2069\u200f\u061c\ufeff\u2028\u00ad", r"\u2066\u2069\u200f\u061c\ufeff\u2028\xad"),
        ("\udcff", r"\udcff"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_escaped(name, printed):
    assert printable(name) == printed
    assert printable(printed) == printed


@pytest.mark.parametrize(
    "name", ["t͡ʃʰɔ̃ːˈ", "мост", "می\u200cخواهم", "क्\u200dष", "日本語", "a b\u00a0c", "r\\"]
)
def test_readable(name):
    assert printable(name) == name


def test_line_ends_may_be_kept():
    assert printable("a\n\x1b", keep="\n") == "a\n\\x1b"


def test_long_names_are_shortened():
    assert printable("\n" * 10, most_characters=2) == r"\n\n…"
