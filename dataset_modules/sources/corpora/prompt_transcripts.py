"""The transcripts of Asterisk's core sounds: lines of ``name: text``."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dataset_modules.recording import Split
from phonetics.text_oddities import lost_letters

_COMMENT = ";"
_NO_SPEECH = re.compile(r"[\[\](){}<>]")
# Tones and noises; their texts describe them in the language, with or without brackets.
_TONES = frozenset(
    {"ascending-2tone", "beep", "beeperr", "confbridge-join", "confbridge-leave", "descending-2tone"}
    | {"tt-monkeys"}
)
_SILENCES = "silence/"
# Tenths of the prompts, by the hash of the name.
_TENTHS: Sequence[Split] = (
    "test",
    "val",
    "train",
    "train",
    "train",
    "train",
    "train",
    "train",
    "train",
    "train",
)


class Prompt(NamedTuple):
    """One recording's name, without a suffix, and its text."""

    name: str
    text: str


def read_transcripts(content: bytes) -> list[Prompt]:
    r"""Return every entry once, in its order; old files are not in UTF-8.

    >>> read_transcripts(b"; sounds\n\nadded: Added\nbeep: [a tone]\nadded: again")
    [Prompt(name='added', text='Added'), Prompt(name='beep', text='[a tone]')]
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = content.decode("cp1252", errors="replace").splitlines()
    entries: dict[str, str] = {}
    for line in lines:
        name, colon, text = line.partition(":")
        if colon and not line.startswith(_COMMENT):
            entries.setdefault(name.strip(), text.strip().removeprefix(f"{name.strip()}:").strip())
    return [Prompt(name, " ".join(text.split())) for name, text in entries.items()]


def why_no_speech(prompt: Prompt) -> str | None:
    """Return why a prompt's text is not what its recording says, or None.

    >>> why_no_speech(Prompt("vm-options", "Press 1")), why_no_speech(Prompt("added", "Added"))
    ('digits', None)
    """
    if prompt.name in _TONES or prompt.name.startswith(_SILENCES):
        return "tones and silences"
    if not any(letter.isalpha() for letter in prompt.text):
        return "no text"
    if _NO_SPEECH.search(prompt.text):
        return "brackets"
    if any(letter.isdigit() for letter in prompt.text):
        return "digits"
    if lost_letters(prompt.text):
        return "letters lost to ?"
    return None


def splits_of(prompts: Sequence[Prompt]) -> Mapping[str, Split]:
    """Choose the split of every prompt by the hash of its name; equal texts stay in one split.

    >>> splits_of([Prompt("a", "Added."), Prompt("b", "added")])["b"] == splits_of([Prompt("a", "")])["a"]
    True
    """
    first: dict[str, str] = {}
    return {prompt.name: _split_of(first.setdefault(_said(prompt.text), prompt.name)) for prompt in prompts}


def _split_of(name: str) -> Split:
    return _TENTHS[int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(_TENTHS)]


def _said(text: str) -> str:
    """Return a text without what is not spoken."""
    letters = (
        letter if letter.isalnum() else " " for letter in unicodedata.normalize("NFC", text).casefold()
    )
    return " ".join("".join(letters).split())
