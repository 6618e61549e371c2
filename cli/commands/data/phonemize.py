"""``phonemize "text" --language it``: show the phonemes that training would use for a text."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cli.commands.data.text_options import chosen_backend
from cli.configuration.tool_parser import ToolParser
from dataset_modules.labels.included_vocabularies import included_vocabulary
from experiment.errors import ConfigError
from installation import PROGRAM
from phonetics import GraphemeToPhoneme, IpaNormaliser, Vocabulary
from phonetics.languages import usual_variety
from phonetics.notation.long_consonants import join_long
from phonetics.text_oddities import text_oddities
from phonetics.text_to_phonemes.base import in_batches
from phonetics.text_to_phonemes.espeak import espeak_languages
from untrusted.files import open_text
from untrusted.printing import printable

_DESCRIPTION = """Print the phonemes of texts as training would use them, with | between words. Standard
error names what may be spoken otherwise than it is written (digits, foreign letters, markup, abbreviations),
and phonemes outside the vocabulary."""


def run_phonemize(arguments: Sequence[str]) -> int:
    """Print a line of phonemes for each text."""
    options = _parser().parse_args(arguments)
    try:
        is_espeak = options.text_to_phonemes == "espeak"
        language = usual_variety(options.language) if is_espeak else options.language
        backend = chosen_backend("phonemize", options.text_to_phonemes, language)
        vocabulary = _vocabulary(options.vocabulary, language)
        spell = vocabulary.spelled if vocabulary else join_long
        for number, text, said in _spoken(_texts(options), backend, IpaNormaliser()):
            phonemes = spell(said)
            sys.stdout.write(f"{printable(text)}\t" if options.file else "")
            sys.stdout.write(f"{' '.join(phonemes)}\n")
            for remark in remarks(text, language, phonemes, vocabulary):
                sys.stderr.write(f"{f'line {number}: ' if options.file else ''}{printable(remark)}\n")
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"phonemize: {error}") from error
    return 0


def remarks(
    text: str, language: str | None, phonemes: Sequence[str], vocabulary: Vocabulary | None
) -> Iterator[str]:
    """Yield what is odd about a text and its phonemes."""
    kinds: dict[str, list[str]] = {}
    for oddity in text_oddities(text, language):
        kinds.setdefault(oddity.kind, []).append(oddity.part)
    yield from (f"{kind}: {' '.join(parts)}" for kind, parts in kinds.items())
    if not phonemes:
        yield "no phonemes"
    outside = [one for one in dict.fromkeys(phonemes) if vocabulary and vocabulary.id_of(one) is None]
    if outside:
        yield f"not in the vocabulary: {' '.join(outside)}"


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(prog=f"{PROGRAM} phonemize", description=_DESCRIPTION)
    parser.add_argument("text", nargs="*", help="texts, each in quotes")
    parser.add_argument("--file", type=Path, help="a file of texts, one a line")
    parser.add_argument("--language", required=True, help="of the texts: it, en-us …; --languages lists all")
    parser.add_argument(
        "--languages", action=_ListLanguages, nargs=0, help="list the languages of espeak-ng, and end"
    )
    parser.add_argument("--text_to_phonemes", default="espeak", help="espeak, epitran or a dictionary file")
    parser.add_argument("--vocabulary", type=Path, help="left out, the included one of the language")
    return parser


class _ListLanguages(argparse.Action):
    """Prints the codes and names of all languages, and ends."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        for code, name in sorted(espeak_languages().items()):
            sys.stdout.write(f"{code:12} {name}\n")
        parser.exit()


def _texts(options: argparse.Namespace) -> Iterator[tuple[int, str]]:
    if bool(options.text) == bool(options.file):
        raise ConfigError("phonemize: give either texts or --file")
    if options.text:
        yield from enumerate(options.text, start=1)
        return
    with open_text(options.file, newline="\n") as stream:
        lines = enumerate(map(str.strip, stream), start=1)
        yield from ((number, line) for number, line in lines if line)


def _vocabulary(path: Path | None, language: str) -> Vocabulary | None:
    path = path or included_vocabulary(language)
    return Vocabulary.from_file(path) if path else None


def _spoken(
    texts: Iterator[tuple[int, str]], backend: GraphemeToPhoneme, normalise: IpaNormaliser
) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    from dataset_modules.cache.clip_preparation import phonemes_of_texts

    for batch in in_batches(texts):
        spoken = phonemes_of_texts(backend, [text for _, text in batch])
        yield from ((number, text, normalise(spoken.get(text, ()))) for number, text in batch)
