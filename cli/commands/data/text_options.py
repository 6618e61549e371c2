"""The options of commands that read labels: a file of sentences and its phonemes, a vocabulary."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_modules.labels.included_vocabularies import included_vocabulary
from experiment.errors import ConfigError
from phonetics import GraphemeToPhoneme, IpaNormaliser, LexiconPhonemes, backend_for
from phonetics.text_to_phonemes.base import in_batches
from untrusted.files import read_lines

if TYPE_CHECKING:
    from dataset_modules.labels.reading import RecordingLabel

_ESPEAK = "espeak"
_MOST_LINE_BYTES = 2**20


def add_text_options(parser: argparse.ArgumentParser, source: argparse._MutuallyExclusiveGroup) -> None:
    """Add ``--texts`` to the sources of a command, and how they become phonemes."""
    source.add_argument("--texts", type=Path, help="a file, one sentence a line")
    parser.add_argument("--language", help="of the texts, such as de or en-us")
    parser.add_argument("--text_to_phonemes", default=_ESPEAK, help="espeak, epitran or a dictionary file")


def check_text_options(command: str, options: argparse.Namespace) -> None:
    """Refuse options that would have no effect."""
    if options.texts is None and (options.language or options.text_to_phonemes != _ESPEAK):
        raise ConfigError(f"{command}: --language and --text_to_phonemes go with --texts alone")


def chosen_backend(command: str, choice: str, language: str | None) -> GraphemeToPhoneme:
    """Return what turns texts into phonemes: one that is named, or a dictionary file."""
    backend = backend_for(choice if choice in (_ESPEAK, "epitran") else LexiconPhonemes(choice), language)  # type: ignore[arg-type]
    if backend is None:
        raise ConfigError(f"{command}: --text_to_phonemes must be espeak, epitran or a dictionary file")
    if backend.needs_language():
        raise ConfigError(f"{command}: --texts needs --language, such as de or en-us")
    backend.check()
    return backend


def vocabulary_file(options: argparse.Namespace) -> Path | None:
    """Return ``--vocabulary``, else that of ``--config``; None where neither names one."""
    if options.vocabulary or not options.config:
        return options.vocabulary
    from cli.configuration.configured_datasets import merged_sections

    sections = merged_sections(options.config)
    named = sections["model"].get("vocab_file") or included_vocabulary(sections["data"].get("language") or "")
    return Path(named) if named else None


def labels_of_texts(command: str, options: argparse.Namespace) -> Iterator["RecordingLabel"]:
    """Yield each sentence with its phonemes."""
    # Imported only now: --help and vocabularies need none of it.
    from dataset_modules.cache.clip_preparation import phonemes_of_texts
    from dataset_modules.labels.reading import RecordingLabel

    backend = chosen_backend(command, options.text_to_phonemes, options.language)
    normalise = IpaNormaliser()
    lines = read_lines(options.texts, most_bytes=_MOST_LINE_BYTES)
    for batch in in_batches(line for line in map(str.strip, lines) if line):
        spoken = phonemes_of_texts(backend, batch)
        yield from (RecordingLabel(text, normalise(spoken.get(text, ()))) for text in batch)
