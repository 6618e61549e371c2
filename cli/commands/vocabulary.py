"""``vocabulary build``, ``check`` and ``merge``: compare the phonemes of labels with a vocabulary."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.commands.data.text_options import (
    add_text_options,
    check_text_options,
    labels_of_texts,
    vocabulary_file,
)
from cli.configuration.tool_parser import ToolParser
from durable_files import write_durably
from experiment.errors import ConfigError
from installation import PROGRAM
from phonetics import Vocabulary
from phonetics.label_counts import LabelCounts, build_vocabulary, merge_vocabularies, missing_and_unused
from phonetics.notation.long_consonants import join_long, long_form
from untrusted.printing import printable
from wording import number_of

if TYPE_CHECKING:
    from dataset_modules.labels.reading import RecordingLabel


def run_vocabulary(arguments: Sequence[str]) -> int:
    """Run one of the commands; the exit status is 1 where labels lie outside a vocabulary."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except ValueError as error:
        raise ConfigError(str(error)) from error


def build(options: argparse.Namespace) -> int:
    """Write the vocabulary that labels need."""
    inventory = _inventory(options)
    vocabulary, rare = build_vocabulary(
        inventory.counts, min_count=options.min_count, word_boundary=not options.no_word_boundary
    )
    _write(vocabulary, options)
    labels = number_of(inventory.num_labels, "label")
    _print(f"{options.output}: {number_of(len(vocabulary.phonemes), 'phoneme')} from {labels}")
    if rare:
        _print(f"left out, since they come up less than {options.min_count} times:")
        _print(*(f"  {line}" for line in inventory.described(rare)))
    return 0


def check(options: argparse.Namespace) -> int:
    """Print which phonemes of the labels a vocabulary lacks, and which of its phonemes do not occur."""
    path = vocabulary_file(options)
    if path is None:
        raise ConfigError("vocabulary: --vocabulary must name a file, or the --config its model.vocab_file")
    vocabulary = Vocabulary.from_file(path)
    inventory = _inventory(options, vocabulary.spelled)
    missing, unused = missing_and_unused(inventory.counts, vocabulary)
    outside = sum(inventory.counts[phoneme] for phoneme in missing)
    total = sum(inventory.counts.values())
    labels = number_of(inventory.num_labels, "label")
    _print(f"{labels}, {number_of(total, 'phoneme')}; {len(vocabulary.phonemes)} in the vocabulary")
    _print(f"missing: {len(missing)} kinds, {outside} in all ({outside / max(total, 1):.4%})")
    _print(*(f"  {line}" for line in inventory.described(missing)))
    if doubled := vocabulary.doubled:
        _print(
            f"version 1, which loads: {' '.join(doubled)} would be {' '.join(map(long_form, doubled))} now"
        )
    _print(f"unused: {len(unused)}{': ' if unused else ''}{' '.join(unused)}")
    return 1 if missing else 0


def merge(options: argparse.Namespace) -> int:
    """Write one vocabulary that holds the phonemes of several."""
    vocabulary = merge_vocabularies([Vocabulary.from_file(path) for path in options.vocabularies])
    _write(vocabulary, options)
    _print(f"{options.output}: {number_of(len(vocabulary.phonemes), 'phoneme')}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(
        prog=f"{PROGRAM} vocabulary", description="Compare the phonemes of labels with a vocabulary."
    )
    commands = parser.add_subparsers(required=True, metavar="build|check|merge")
    building = commands.add_parser("build", help="write the vocabulary that labels need")
    _add_sources(building)
    _add_output(building)
    building.add_argument("--min_count", type=int, default=1, help="leave rarer phonemes out")
    building.add_argument("--no_word_boundary", action="store_true", help="without the token |")
    building.set_defaults(command=build)
    checking = commands.add_parser("check", help="compare a vocabulary with labels; status 1 if it lacks any")
    _add_sources(checking)
    checking.add_argument("--vocabulary", type=Path, help="a file; left out, model.vocab_file of --config")
    checking.set_defaults(command=check)
    merging = commands.add_parser("merge", help="write one vocabulary with the phonemes of several")
    merging.add_argument("vocabularies", type=Path, nargs="+")
    _add_output(merging)
    merging.set_defaults(command=merge)
    return parser


def _add_sources(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    add_text_options(parser, source)
    source.add_argument("--config", type=Path, action="append", help="the data sets of a configuration")


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")


def _inventory(
    options: argparse.Namespace, spell: Callable[[Sequence[str]], Sequence[str]] = join_long
) -> LabelCounts:
    """Count the phonemes of labels; long consonants are spelled as ``spell`` does."""
    check_text_options("vocabulary", options)
    inventory, unlabelled = LabelCounts(), 0
    for label in _labels_of_config(options) if options.config else labels_of_texts("vocabulary", options):
        if label.phonemes:
            inventory.add(spell(label.phonemes), label.place)
        else:
            unlabelled += 1
    if not inventory.num_labels:
        raise ConfigError("vocabulary: there must be labels, no recording or text has one")
    if unlabelled:
        _print(f"recordings or texts without labels, which are not counted: {unlabelled}")
    return inventory


def _labels_of_config(options: argparse.Namespace) -> Iterator["RecordingLabel"]:
    # Imported only now: they cost seconds, and texts need none of them.
    from cli.configuration.configured_datasets import configured_labels
    from dataset_modules.base_dataset import SPLITS

    yield from configured_labels(options.config, SPLITS)


def _write(vocabulary: Vocabulary, options: argparse.Namespace) -> None:
    if options.output.exists() and not options.overwrite:
        raise ConfigError(
            f"vocabulary: --output must not exist, {options.output} does; --overwrite replaces it"
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_durably(options.output, vocabulary.to_json())


def _print(*lines: str) -> None:
    sys.stdout.writelines(printable(line, keep="\t") + "\n" for line in lines)
