"""Checks of what a configuration states that need no heavy import.

They are made twice: of the files and options alone, before the imports, and of the parsed configuration.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from jsonargparse import Namespace

from cli.configuration.component_builder import augmentation_nodes
from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.batches.trainer_limits import is_whole_epoch
from dataset_modules.labels.included_vocabularies import included_vocabulary
from experiment.errors import ConfigError
from installation import PROGRAM
from phonetics.languages import check_language


def check_languages(section: Namespace) -> None:
    """Refuse a language that is no code, such as italian; the message has the nearest codes."""
    for language in _languages(section):
        try:
            check_language("data", language)
        except ValueError as error:
            raise ConfigError(str(error)) from error


def check_one_search(section: Namespace) -> None:
    """Refuse to start a search and a study at once."""
    if section.optuna.tune and section.study.run:
        raise ConfigError("optuna.tune and study.run are both true; set one of them to false")


def chosen_vocabulary(section: Namespace) -> str:
    """Return ``model.vocab_file``; null takes the included vocabulary of the data's language."""
    if section.model.vocab_file is not None:
        return str(section.model.vocab_file)
    languages = _languages(section)
    found = {included_vocabulary(language) for language in languages}
    vocabulary = found.pop() if len(found) == 1 else None
    if vocabulary is None:
        raise ConfigError(
            f"model.vocab_file: null takes the included vocabulary of the language, there is none for "
            f"{' and '.join(languages) or 'data without a language'}; "
            f"build one: {PROGRAM} vocabulary build --help"
        )
    return str(vocabulary)


def _languages(section: Namespace) -> list[str]:
    """Return the languages of the data sets, each once."""
    datasets = section.data.dataset_classes or []
    stated = [(dataset.get("init_args") or {}).get("language") for dataset in datasets]
    return list(dict.fromkeys(filter(None, (language or section.data.language for language in stated))))


def check_weights_only(section: Namespace) -> None:
    """Refuse keys that would do nothing because what they belong to is missing."""
    if section.only_weights_load and not section.ckpt_path:
        raise ConfigError("only_weights_load: true needs a ckpt_path to take the weights from")
    if section.model.map_vocabulary and not section.only_weights_load and not section.model.pretrained_name:
        raise ConfigError(
            "model.map_vocabulary: true needs a head to take rows from: only_weights_load: true with a "
            "ckpt_path, or a pretrained_name that is a CTC model with a tokenizer"
        )


def check_encoder_cache(section: Namespace) -> None:
    """Refuse to cache an encoder's features where the clips or their audio change between epochs."""
    if not section.model.cache_encoder:
        return
    if changing := next(augmentation_nodes(section.data), None):
        raise ConfigError(
            f"model.cache_encoder: true needs the same audio in every epoch, {changing[0]} changes it; "
            f"leave one of them out"
        )
    limit = section.trainer.limit_train_batches
    if not is_whole_epoch(limit):
        raise ConfigError(
            f"model.cache_encoder: true needs whole epochs, trainer.limit_train_batches is {limit}; "
            f"leave one of them out"
        )


def shared_audio_params(section: Namespace) -> dict[str, Any]:
    """Return the audio parameters; copies elsewhere in the configuration must be equal."""
    shared = _parameters(section.audio_params)
    copies = {f"{name}.audio_params": section[name].audio_params for name in ("model", "data")}
    for index, dataset in enumerate(section.data.dataset_classes or []):
        place = f"data.dataset_classes[{index}].init_args.audio_params"
        copies[place] = (dataset.get("init_args") or {}).get("audio_params")
    for place, copy in copies.items():
        for name, value in (_parameters(copy) if copy is not None else {}).items():
            if value != shared[name]:
                raise ConfigError(
                    f"{place}.{name} must be the same as audio_params.{name}: "
                    f"{value!r} is not {shared[name]!r}; change both, or leave the copy out"
                )
    return shared


def _parameters(value: AudioParams | Namespace | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(value, AudioParams):
        return asdict(value)
    return asdict(AudioParams(**(value if isinstance(value, Mapping) else vars(value))))
