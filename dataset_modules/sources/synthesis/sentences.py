"""Short sentences to speak: a user's, new ones of a user's words or of shipped lists, or numbers."""

import functools
import random
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from untrusted.files import read_text
from untrusted.json_text import read_json

TEXTS_DIR = Path(__file__).parent / "texts"
_SLOT = re.compile(r"\{(\w+)\}")
_MAX_REPEATS = 1000  # known sentences in a row after which a source counts as exhausted
_WORDS_PER_SENTENCE = (1, 6)


def distinct_sentences(
    language: str, count: int, seed: int, texts_file: Path | None = None, words_file: Path | None = None
) -> list[str]:
    """Draw ``count`` different sentences; the same seed gives the same sentences.

    They come from ``texts_file``, one per line; or they are words of ``words_file`` in a new order; or they
    come from the included word lists of the language's part before a hyphen. The sentences of other
    languages are numbers, which espeak-ng reads in every language.
    """
    if texts_file is not None and words_file is not None:
        raise ValueError("sentences: texts_file and words_file exclude each other; leave one of them out")
    if texts_file is not None:
        return _from_file(texts_file, count, seed)
    draw = random.Random(seed)  # noqa: S311 - data, not secrets
    sentences = _endless(language, draw) if words_file is None else _of_words(words_file, draw)
    drawn = list(islice(_unrepeated(sentences), count))
    if len(drawn) < count:
        raise ValueError(
            f"sentences: {words_file or language} has only about {len(drawn)} different ones, "
            f"{count} were asked for"
        )
    return drawn


def has_word_lists(language: str) -> bool:
    """Return whether frequent words of the language are included.

    >>> has_word_lists("en-us"), has_word_lists("cy")
    (True, False)
    """
    return _word_lists(language).is_file()


def _word_lists(language: str) -> Path:
    return TEXTS_DIR / f"{language.split('-')[0]}.json"


def words_of(texts: Iterable[str]) -> list[str]:
    """Return the words of texts in small letters, each once, in the order of their first occurrence.

    >>> words_of(["L'amico, sì!", "3 amici: sì"])
    ["l'amico", 'sì', 'amici']
    """
    found = (_word().findall(unicodedata.normalize("NFC", text)) for text in texts)
    return list(dict.fromkeys(word.lower() for words in found for word in words))


@functools.cache
def _word() -> re.Pattern[str]:
    """Return the pattern of letters with their marks, and what joins them.

    Vowels of Hindi, Thai and others are marks; Python counts none of them as a letter.
    """
    marks = "".join(mark for mark in map(chr, range(0x10000)) if unicodedata.category(mark) in ("Mn", "Mc"))
    letters = rf"(?:[^\W\d_][{marks}\u200c\u200d]*)+"
    return re.compile(rf"{letters}(?:['’‑-]{letters})*['’]?")


def _of_words(path: Path, draw: random.Random) -> Iterator[str]:
    """Draw words without end; each is as likely as any other, so that rare sounds are spoken often."""
    words = words_of(_lines_of("words_file", path))
    if not words:
        raise ValueError(f"sentences: words_file must hold words, {path} holds none")
    while True:
        yield " ".join(draw.choice(words) for _ in range(draw.randint(*_WORDS_PER_SENTENCE)))


def _from_file(path: Path, count: int, seed: int) -> list[str]:
    sentences = list(dict.fromkeys(line for line in _lines_of("texts_file", path) if line))
    if len(sentences) < count:
        raise ValueError(f"sentences: {path} holds {len(sentences)} different ones, {count} are needed")
    random.Random(seed).shuffle(sentences)  # noqa: S311 - data, not secrets
    return sentences[:count]  # more of them begin with the fewer


def _lines_of(key: str, path: Path) -> list[str]:
    if not path.is_file():
        raise ValueError(f"sentences: {key} must be a file with one sentence a line, {path} is not there")
    return [line.strip() for line in unicodedata.normalize("NFC", read_text(path)).splitlines()]


def _endless(language: str, draw: random.Random) -> Iterator[str]:
    if not has_word_lists(language):
        while True:
            yield " ".join(str(draw.randrange(100)) for _ in range(draw.randint(2, 3)))
    lists = read_json(_word_lists(language))
    while True:
        template = draw.choice(lists["templates"])
        yield _SLOT.sub(lambda slot: draw.choice(lists[slot[1]]), template)


def _unrepeated(sentences: Iterator[str]) -> Iterator[str]:
    seen: set[str] = set()
    repeats = 0
    for sentence in sentences:
        if sentence not in seen:
            seen.add(sentence)
            repeats = 0
            yield sentence
        repeats += 1
        if repeats > _MAX_REPEATS:
            return
