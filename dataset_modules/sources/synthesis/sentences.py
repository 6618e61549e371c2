"""Short sentences to speak: from a user's file, from shipped word lists, or numbers in any language."""

import json
import random
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

TEXTS_DIR = Path(__file__).parent / "texts"
_SLOT = re.compile(r"\{(\w+)\}")
_MAX_REPEATS = 1000  # known sentences in a row after which a source counts as exhausted


def distinct_sentences(language: str, count: int, seed: int, texts_file: Path | None = None) -> list[str]:
    """Draw ``count`` different sentences; the same seed gives the same sentences.

    They come from ``texts_file``, one per line, or from the included word lists (``ru``, ``en``) of the
    language's part before a hyphen. The sentences of other languages are numbers, which espeak-ng reads
    in every language.
    """
    if texts_file is not None:
        return _from_file(texts_file, count, seed)
    sentences = _unrepeated(_endless(language, random.Random(seed)))  # noqa: S311 - data, not secrets
    drawn = list(islice(sentences, count))
    if len(drawn) < count:
        raise ValueError(
            f"sentences: {language} has only about {len(drawn)} different ones, {count} were asked for"
        )
    return drawn


def _from_file(path: Path, count: int, seed: int) -> list[str]:
    if not path.is_file():
        raise ValueError(
            f"sentences: texts_file must be a file with one sentence a line, {path} is not there"
        )
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    sentences = list(dict.fromkeys(line for line in lines if line))
    if len(sentences) < count:
        raise ValueError(f"sentences: {path} holds {len(sentences)} different ones, {count} are needed")
    random.Random(seed).shuffle(sentences)  # noqa: S311 - data, not secrets
    return sentences[:count]  # more of them begin with the fewer


def _endless(language: str, draw: random.Random) -> Iterator[str]:
    path = TEXTS_DIR / f"{language.split('-')[0]}.json"
    if not path.is_file():
        while True:
            yield " ".join(str(draw.randrange(100)) for _ in range(draw.randint(2, 3)))
    lists = json.loads(path.read_text(encoding="utf-8"))
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
