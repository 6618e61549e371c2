"""``corpus telephone-prompts``: fetch recorded speech that anybody may use, as a folder to train on."""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cli.configuration.tool_parser import ToolParser
from experiment.errors import ConfigError

if TYPE_CHECKING:
    from dataset_modules.sources.corpora.telephone_prompts import PromptFolder

_MIRROR = "DEBIAN_MIRROR"  # of the environment
_PROMPTS = """Fetch the telephone prompts of the Asterisk project from a Debian mirror, check, decode and
write them with their table: about 15 minutes of one professional speaker in a language, CC BY-SA 3.0."""


def run_corpus(arguments: Sequence[str]) -> int:
    """Run one of the commands."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except ValueError as error:
        raise ConfigError(f"corpus: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(prog="./run.sh corpus", description=__doc__)
    corpora = parser.add_subparsers(required=True, metavar="telephone-prompts")
    prompts = corpora.add_parser("telephone-prompts", help="one speaker, 15 minutes", description=_PROMPTS)
    prompts.add_argument("--language", required=True, help="en, es, fr, it or ru")
    prompts.add_argument(
        "--output", type=Path, default=Path("data/telephone_prompts"), help="its parent folder"
    )
    prompts.add_argument("--files", type=Path, nargs="+", help="packages that you fetched yourself")
    prompts.add_argument("--mirror", help=f"a Debian mirror's address; also the environment's {_MIRROR}")
    prompts.add_argument("--overwrite", action="store_true", help="replace a folder that is there")
    prompts.set_defaults(command=_telephone_prompts)
    return parser


def _telephone_prompts(options: argparse.Namespace) -> int:
    # Imported only now: the decoder's compiler costs a second, and the help needs none of it.
    from dataset_modules.sources.corpora import telephone_prompts

    language = options.language.lower().replace("_", "-").split("-")[0]
    if language not in telephone_prompts.SOURCES:
        _refuse_language(options.language, list(telephone_prompts.SOURCES))
    folder = options.output / language
    if folder.exists() and not options.overwrite:
        raise ConfigError(f"corpus: {folder} must not exist, it does; --overwrite replaces it")
    if missing := [path for path in options.files or () if not path.is_file()]:
        raise ConfigError(f"corpus: --files must be files, {missing[0]} is not there")
    mirror = options.mirror or os.environ.get(_MIRROR) or telephone_prompts.PUBLIC_MIRROR
    packages = options.files or telephone_prompts.fetch_packages(
        language, mirror, options.output / "packages"
    )
    written = telephone_prompts.write_prompts(language, packages, folder)
    sys.stdout.write(_summary(written, telephone_prompts.ATTRIBUTION))
    return 0


def _refuse_language(language: str, known: Sequence[str]) -> NoReturn:
    near = difflib.get_close_matches(language.lower(), known, n=1, cutoff=0.3)
    nearest = f"; nearest: {near[0]}" if near else ""
    raise ConfigError(f"corpus: --language must be one of {', '.join(known)}, got {language!r}{nearest}")


def _summary(written: "PromptFolder", attribution: str) -> str:
    splits = ", ".join(f"{written.splits.get(split, 0)} {split}" for split in ("train", "val", "test"))
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(written.left_out.items()))
    count, minutes = sum(written.splits.values()), written.seconds / 60
    lines = [
        f"{written.folder}: {count} recordings, {minutes:.1f} minutes ({splits})",
        f"left out: {reasons or 'nothing'}",
        f"licence and attribution: {written.folder / attribution}",
        *(f"not verified, no checksum is known: {path}" for path in written.unverified),
    ]
    return "\n".join(lines) + "\n"
