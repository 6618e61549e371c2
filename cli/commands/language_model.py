"""``lm --output FILE.arpa``: an n-gram model of phonemes, for beam searches, from the labels to train on."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cli.commands.data.text_options import (
    add_text_options,
    check_text_options,
    labels_of_texts,
    vocabulary_file,
)
from cli.configuration.tool_parser import ToolParser
from experiment.errors import ConfigError
from installation import PROGRAM
from phonetics import Vocabulary
from untrusted.files import read_lines
from untrusted.printing import printable

_DESCRIPTION = """Estimate an n-gram model of phonemes and write it as an ARPA file, for transcribe with
--beam and --lm. Word boundaries (|) are tokens like any other. Validation and test labels are left out."""


_MOST_LINE_BYTES = 16 * 2**20


def run_language_model(arguments: Sequence[str]) -> int:
    """Estimate a model and write it."""
    options = _parser().parse_args(arguments)
    if options.output.exists():
        raise ConfigError(f"lm: --output must not exist, {options.output} does")
    check_text_options("lm", options)
    from tqdm import tqdm

    from dataset_modules.cache.progress_bars import refreshing
    from durable_files import write_durably
    from inference.decoding.ngram import MOST_ORDER, estimate

    if not 1 <= options.order <= MOST_ORDER:
        raise ConfigError(f"lm: --order must be between 1 and {MOST_ORDER}, got {options.order}")
    options.output.parent.mkdir(parents=True, exist_ok=True)  # before anything is counted for nothing
    try:
        spell = _spelling(options)
        found = tqdm(_labels_of(options), desc="lm", unit=" labels", delay=2, **refreshing(sys.stderr))
        labels, empty = [], 0
        for label in found:
            labels += [spell(label)] if label else []
            empty += not label
        sys.stderr.write(f"lm: counting the n-grams of {len(labels)} labels\n")
        model = estimate(labels, options.order)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"lm: {error}") from error
    write_durably(options.output, model.to_arpa())
    left_out = f"; {empty} without phonemes left out" if empty else ""
    sys.stdout.write(
        f"{printable(options.output)}: {len(model.entries)} n-grams from {len(labels)} labels{left_out}\n"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(prog=f"{PROGRAM} lm", description=_DESCRIPTION)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config", type=Path, action="append", help="the training splits of its data sets")
    source.add_argument("--labels", type=Path, help="a file, a label a line: phonemes parted by spaces")
    add_text_options(parser, source)
    parser.add_argument(
        "--vocabulary",
        type=Path,
        help="the network's, which has long consonants as one phoneme or as two; left out, that of --config",
    )
    parser.add_argument("--order", type=int, default=4, help="of the longest n-grams")
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    return parser


def _spelling(options: argparse.Namespace) -> Callable[[Sequence[str]], Sequence[str]]:
    """Return what spells long consonants as the network's vocabulary does."""
    path = vocabulary_file(options)
    return Vocabulary.from_file(path).spelled if path else tuple


def _labels_of(options: argparse.Namespace) -> Iterator[Sequence[str]]:
    """Yield the phonemes of a file of labels, of texts, or of the training splits of data sets."""
    if options.labels:
        yield from filter(None, map(str.split, read_lines(options.labels, most_bytes=_MOST_LINE_BYTES)))
        return
    if options.texts:
        labels = labels_of_texts("lm", options)
    else:
        # Imported only now: they cost seconds, and texts need none of them.
        from cli.configuration.configured_datasets import configured_labels

        labels = configured_labels(options.config, ["train"])
    yield from (label.phonemes for label in labels)
