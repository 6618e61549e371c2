"""Measure the rate and memory of text to phonemes, the first time and from the store.

``python benchmarks/text_to_phonemes.py [BACKEND [LANGUAGE [SENTENCES]]]``; BACKEND is espeak, epitran or the
path of a pronouncing dictionary.
"""

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.peak_memory import peak_megabytes
from dataset_modules.sources.synthesis.sentences import distinct_sentences
from phonetics import GraphemeToPhoneme, LexiconPhonemes, StoredPhonemes, backend_for
from phonetics.text_to_phonemes.base import in_batches


def main(backend_name: str = "espeak", language: str = "ru", sentences: str = "100000") -> None:
    """Print rates and peak memory of one backend."""
    backend = _backend(backend_name, language)
    backend.check()
    count = int(sentences)
    base_mb = peak_megabytes()
    with tempfile.TemporaryDirectory() as folder:
        length = _characters(language)
        print(f"{backend.fingerprint()[:60]}: {count} sentences, {length:.0f} characters on average")
        for name in ("first time", "again"):
            seconds = _spend(StoredPhonemes(backend, Path(folder, "phonemes")), language, count)
            print(f"{name:12} {count / seconds:8.0f} sentences/s   peak +{peak_megabytes() - base_mb:.0f} MB")
        size = Path(folder, "phonemes").stat().st_size / 1e6
    print(f"file         {size:8.1f} MB")


def _backend(name: str, language: str) -> GraphemeToPhoneme:
    if name in ("espeak", "epitran"):
        backend = backend_for(name, language)  # type: ignore[arg-type]
        assert backend is not None
        return backend
    return LexiconPhonemes(name).for_language(language)


def _texts(language: str, count: int) -> Iterator[str]:
    """Yield different sentences of about the length of Common Voice's."""
    parts = distinct_sentences(language, 2000, seed=0)
    draw = random.Random(1)
    for number in range(count):
        yield f"{draw.choice(parts)}, {draw.choice(parts)} {number}"


def _characters(language: str) -> float:
    return sum(map(len, _texts(language, 1000))) / 1000


def _spend(backend: GraphemeToPhoneme, language: str, count: int) -> float:
    start = time.perf_counter()
    for batch in in_batches(_texts(language, count)):
        backend.batch(batch)
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
