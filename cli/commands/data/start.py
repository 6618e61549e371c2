"""``start FOLDER --language it``: look at a folder of recordings, and write a configuration to train with."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.commands.transcription.recordings import AUDIO_SUFFIXES
from cli.configuration.tool_parser import ToolParser
from experiment.errors import ConfigError
from installation import PROGRAM
from phonetics.languages import check_language, usual_variety
from untrusted.printing import printable
from wording import number_of

if TYPE_CHECKING:
    from cli.starting.folder_survey import FolderSurvey
    from cli.starting.recipe import Recipe

log = logging.getLogger(__name__)

_STARTS = Path("data/starts")
_LABEL_OPTIONS = ("label_tier", "clip_tier", "word_tier", "label_kind")
_DESCRIPTION = """Look at a folder of recordings with texts or phonemes, and write a configuration:
vocabulary, splits, sizes, schedule, network, and synthetic speech where recordings are few. Then run what it
prints."""


def run_start(arguments: Sequence[str]) -> int:
    """Write the configuration, and print what to run next."""
    options = _parser().parse_args(arguments)
    # Imported only now: they cost seconds, and the help needs none of them.
    from cli.starting.folder_survey import survey_folder
    from cli.starting.notation import speaks_the_labels, warn_of_foreign_script
    from cli.starting.recipe import recipe_for
    from cli.starting.starter_files import choose_vocabulary, described, write_starter

    language = usual_variety(options.language)
    if language != options.language:
        sys.stdout.write(f"language: {language}, the usual variety of {options.language} in espeak-ng\n")
    folder = options.output / (options.name or _name_of(options.folder))
    try:
        check_language("--language", language)
        _check_folders(options, folder)
        log.info("start: looks at %s", printable(options.folder))
        stated = {name: value for name in _LABEL_OPTIONS if (value := getattr(options, name))}
        survey = survey_folder(options.folder, language, AUDIO_SUFFIXES, stated)
        warn_of_foreign_script(language, survey.texts)
        vocabulary = choose_vocabulary(survey, language, folder)
        recipe = recipe_for(
            survey,
            on_gpu=_has_gpu() if options.device == "auto" else options.device == "gpu",
            can_synthesise=speaks_the_labels(language, survey, vocabulary),
        )
        config = write_starter(folder, language, survey, recipe, vocabulary)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"start: {error}") from error
    if survey.faults:
        number = number_of(len(survey.faults), "recording")
        log.warning("start: %s cannot be used; %s", number, survey.faults[0])
    sys.stdout.write(
        f"{described(survey)}\n{_too_small(survey)}"
        f"{f'tiers: {printable(survey.tiers)}{chr(10)}' if survey.tiers else ''}"
        f"vocabulary: {vocabulary.path}, {len(vocabulary.vocabulary.phonemes)} phonemes"
        f"{'; added: ' + ' '.join(vocabulary.added) if vocabulary.added else ''}\n"
        f"training: {recipe.epochs} epochs, "
        f"{recipe.synthetic or 'no'} synthetic sentences mixed in{_duration(recipe)}\n"
        f"wrote {config}\nnext:\n  {PROGRAM} doctor {config}\n  {PROGRAM} train {config}\n"
        f"to try everything first:\n  {PROGRAM} train {config} --trainer.max_steps {recipe.trial_steps}"
        f" --custom_folder_name {folder.name}_trial\n"
    )
    return 0


def _check_folders(options: argparse.Namespace, folder: Path) -> None:
    """Refuse to replace a starter, and what is no folder of recordings."""
    if folder.exists() and not options.overwrite:
        raise ConfigError(
            f"start: {folder} is there already; --overwrite replaces it, --name NAME writes another"
        )
    if options.folder.is_file():
        raise ConfigError(f"start: {printable(options.folder)} is a file; give the folder that holds it")
    if not options.folder.is_dir():
        raise ConfigError(f"start: {printable(options.folder)} must be a folder of recordings, there is none")


def _too_small(survey: "FolderSurvey") -> str:
    """Return a line that names the splits without intervals, where there are some."""
    names = " and ".join(survey.small_splits)
    return f"too few recordings for an interval of error rates: {names}\n" if names else ""


def _duration(recipe: "Recipe") -> str:
    """Return how long training takes, where it is known."""
    return "" if recipe.on_gpu else "; some 15 minutes on two CPU cores"


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(prog=f"{PROGRAM} start", description=_DESCRIPTION)
    parser.add_argument("folder", type=Path, help="recordings with metadata.csv, or with label files")
    parser.add_argument("--language", required=True, help="of the texts, as espeak-ng names it: it, en-us …")
    parser.add_argument("--name", help="of the experiment; left out, it follows from the folder's name")
    parser.add_argument("--output", type=Path, default=_STARTS, help="the parent folder")
    parser.add_argument("--label_tier", help="of label files, the tier of labels, by name or pattern")
    parser.add_argument("--clip_tier", help="of label files, the tier whose intervals become clips")
    parser.add_argument("--word_tier", help="of label files, the tier that divides phonemes into words")
    parser.add_argument("--label_kind", choices=("phonemes", "text"), help="what label files hold")
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), default="auto", help="to train on")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier start")
    return parser


def _name_of(folder: Path) -> str:
    """Name an experiment after a folder, and after its parent where the folder is a language's.

    >>> _name_of(Path("data/telephone_prompts/ru")), _name_of(Path("my prompts"))
    ('telephone_prompts_ru', 'my_prompts')
    """
    whole = folder.resolve()
    parts = whole.parts[-2:] if len(whole.name) <= 3 else whole.parts[-1:]
    name = "_".join(parts).strip("/")
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name).lstrip("-.")


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
