"""``corpus NAME``: fetch recorded speech to train on."""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cli.configuration.tool_parser import ToolParser
from experiment.errors import ConfigError
from installation import PROGRAM

if TYPE_CHECKING:
    from dataset_modules.sources.corpora.telephone_prompts import PromptFolder

_MIRROR = "DEBIAN_MIRROR"  # of the environment
_PROMPTS = """Fetch the telephone prompts of the Asterisk project from a Debian mirror, check, decode and
write them with their table: about 15 minutes of one professional speaker in a language, CC BY-SA 3.0."""

_COMMON_VOICE = """Fetch a release of Common Voice from Mozilla Data Collective, resume an interrupted
download, check the release's checksum, and write a configuration file that names it. It needs an account
there, the consent to the data set's terms, and a key in the environment's MDC_API_KEY."""


def run_corpus(arguments: Sequence[str]) -> int:
    """Run one of the commands."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"corpus: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(prog=f"{PROGRAM} corpus", description="Fetch recorded speech to train on.")
    corpora = parser.add_subparsers(required=True, metavar="telephone-prompts|common-voice")
    prompts = corpora.add_parser("telephone-prompts", help="one speaker, 15 minutes", description=_PROMPTS)
    prompts.add_argument("--language", required=True, help="en, es, fr, it or ru")
    prompts.add_argument(
        "--output", type=Path, default=Path("data/telephone_prompts"), help="the parent folder"
    )
    prompts.add_argument("--files", type=Path, nargs="+", help="packages that you fetched yourself")
    prompts.add_argument("--mirror", help=f"a Debian mirror's address; also the environment's {_MIRROR}")
    prompts.add_argument("--overwrite", action="store_true", help="replace a folder that is there")
    prompts.set_defaults(command=_telephone_prompts)
    voice = corpora.add_parser("common-voice", help="many speakers, gigabytes", description=_COMMON_VOICE)
    voice.add_argument("--language", required=True, help="as espeak-ng names it, such as ru or en-us")
    voice.add_argument("--locale", help="Common Voice's name of it, where several fit, such as zh-CN")
    voice.add_argument("--version", help="of the release, such as 24.0; left out, the newest")
    voice.add_argument("--output", type=Path, default=Path("data/common_voice"), help="the folder")
    voice.set_defaults(command=_common_voice)
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
    sys.stdout.write(_summary(written, telephone_prompts.ATTRIBUTION, language))
    return 0


def _common_voice(options: argparse.Namespace) -> int:
    # Imported only now: the help needs none of it.
    import yaml

    from dataset_modules.sources.corpora.data_collective import fetch_release, find_locale, find_release
    from phonetics.languages import check_language, usual_variety

    check_language("--language", options.language)
    language = usual_variety(options.language)
    try:
        locale = options.locale or find_locale(options.language)
        release = find_release(locale, options.version)
        sys.stderr.write(f"corpus: {release.name}\n")
        archive = fetch_release(release.id, options.output, show_progress=sys.stderr.isatty())
    except (OSError, ValueError):
        raise
    except Exception as error:  # the client's own errors have no common base
        raise ConnectionError(f"{error}; run the command again to resume") from error
    named = {"dataset_name": str(archive), **({"locale": locale} if locale != language else {})}
    dataset = {"class_path": "dataset_modules.common_voice.CommonVoiceDataset", "init_args": named}
    config = options.output / f"{locale}.yaml"
    content = {"data": {"language": language, "dataset_classes": [dataset]}}
    config.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    sys.stdout.write(
        f"{archive}: verified\nwrote {config}\nnext: {PROGRAM} train config/config.yaml --config {config}\n"
    )
    return 0


def _refuse_language(language: str, known: Sequence[str]) -> NoReturn:
    near = difflib.get_close_matches(language.lower(), known, n=1, cutoff=0.3)
    nearest = f"; nearest: {near[0]}" if near else ""
    raise ConfigError(f"corpus: --language must be one of {', '.join(known)}, got {language!r}{nearest}")


def _summary(written: "PromptFolder", attribution: str, language: str) -> str:
    splits = ", ".join(f"{written.splits.get(split, 0)} {split}" for split in ("train", "val", "test"))
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(written.left_out.items()))
    count, minutes = sum(written.splits.values()), written.seconds / 60
    lines = [
        f"{written.folder}: {count} recordings, {minutes:.1f} minutes ({splits})",
        f"left out: {reasons or 'nothing'}",
        f"licence and attribution: {written.folder / attribution}",
        *(f"not verified, no checksum is known: {path}" for path in written.unverified),
        f"next: {PROGRAM} start {written.folder} --language {language}",
    ]
    return "\n".join(lines) + "\n"
