"""What a stated configuration makes impossible, found before the heavy imports by the checks of later.

Each check is the one that the parsed configuration goes through, or a constructor calls.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from jsonargparse import Namespace

from cli.configuration.component_builder import augmentation_nodes
from cli.configuration.fact_checks import (
    check_encoder_cache,
    check_languages,
    check_one_search,
    check_weights_only,
    chosen_vocabulary,
    shared_audio_params,
)
from cli.configuration.model_option import EVALUATIONS, names_huggingface
from cli.configuration.values.value_checks import check_values
from dataset_modules.batches.loading_numbers import check_loading
from dataset_modules.sources.folders.sound_folders import (
    check_recordings_are_there,
    check_sounds_are_there,
    named_paths,
)
from experiment.checkpoint_paths import check_checkpoint_is_there
from models.network.weight_files import check_pretrained_folder
from models.optimization.choices import (
    OPTIMIZERS,
    SCHEDULERS,
    check_layer_decay,
    check_metric,
    choose_flat,
    flat_keys,
    refuse_flat_keys,
)
from phonetics.vocabulary import Vocabulary

TRAINING_COMMANDS = ("fit", *EVALUATIONS)
_READS_RECORDINGS = "dataset_modules.custom.CustomAudioDataset"
_READS_SOUNDS = (
    *("audiomentations.AddBackgroundNoise", "audiomentations.AddShortNoises"),
    "audiomentations.ApplyImpulseResponse",
    "dataset_modules.augmentations.AddBackgroundNoiseWrapper",
)


def faults_of_section(command: str, section: Namespace, published: str | None) -> Iterator[str]:
    """Yield the messages of what is wrong; ``published`` is the Hugging Face model that ``--model`` names."""
    for check in _checks(command, section, published):
        try:
            check(section)
        except ValueError as error:  # of the configuration, a vocabulary or a number
            yield str(error)
            if check in (check_values, check_languages):
                return  # others would refuse the same value again
        except (AttributeError, LookupError, TypeError):
            continue  # a value that only the parser understands


def _checks(
    command: str, section: Namespace, published: str | None
) -> Iterator[Callable[[Namespace], object]]:
    """Yield the checks that a command makes, in its order; a search checks its trials one by one."""
    yield check_values
    yield check_languages
    if command == "fit":
        yield check_one_search
    if section.optuna.tune or section.study.run or command not in TRAINING_COMMANDS:
        return
    yield _check_vocabulary
    yield check_weights_only
    yield check_encoder_cache
    if not (published or _may_be_published(command, section)):
        yield lambda section: check_checkpoint_is_there(section, is_needed=command != "fit")
        yield shared_audio_params
        yield _check_pretrained
    if published or section.model.map_vocabulary:
        yield _check_symbol_map
    yield _check_recordings
    yield _check_sounds
    yield _check_loading
    yield _check_optimizer
    yield _check_scheduler
    yield lambda section: check_layer_decay(section.model.param_groups, section.model.layer_decay)


def _may_be_published(command: str, section: Namespace) -> bool:
    """Whether an evaluation may be one of a Hugging Face model, which replaces parts of the section."""
    if command == "fit":
        return False
    named, pretrained = section.ckpt_path, section.model.pretrained_name
    return Path(named).is_dir() and names_huggingface(named) if named else pretrained is not None


def _check_vocabulary(section: Namespace) -> None:
    Vocabulary.from_file(chosen_vocabulary(section))


def _check_pretrained(section: Namespace) -> None:
    if section.model.pretrained_name is not None:
        check_pretrained_folder(section.model.pretrained_name)


def _check_symbol_map(section: Namespace) -> None:
    from phonetics.notation.symbol_mapping import read_symbol_table  # with numpy

    if isinstance(section.model.symbol_map, str):
        read_symbol_table(Path(section.model.symbol_map).expanduser())


def _check_recordings(section: Namespace) -> None:
    for node in section.data.dataset_classes:
        if node["class_path"] != _READS_RECORDINGS:
            continue
        for key in ("train_val_dir", "test_dir"):
            if (folder := node["init_args"].get(key)) is not None:
                check_recordings_are_there(key, Path(folder).expanduser())


def _check_sounds(section: Namespace) -> None:
    for place, node in augmentation_nodes(section.data):
        if node["class_path"] not in _READS_SOUNDS:
            continue
        for argument, path in named_paths(node.get("init_args") or {}):
            try:
                check_sounds_are_there(argument, path)
            except ValueError as error:
                raise ValueError(f"{place}: {node['class_path']}: {error}") from error


def _check_loading(section: Namespace) -> None:
    data = section.data
    check_loading(data.batch_size, data.num_proc, data.num_workers, data.worker_timeout)


def _check_optimizer(section: Namespace) -> None:
    model = section.model
    given = {key: model[key] for key in flat_keys(OPTIMIZERS)}
    if isinstance(model.optimizer, str):
        choose_flat("optimizer", model.optimizer, OPTIMIZERS, given)
    else:
        refuse_flat_keys("optimizer", {**given, "optimizer_params": model.optimizer_params})


def _check_scheduler(section: Namespace) -> None:
    model = section.model
    given = {key: model[key] for key in flat_keys(SCHEDULERS)}
    if isinstance(model.scheduler, str):
        choose_flat("scheduler", model.scheduler, SCHEDULERS, given)
    else:
        refuse_flat_keys("scheduler", given)
    check_metric(model.scheduler, model.metric_scheduler)
