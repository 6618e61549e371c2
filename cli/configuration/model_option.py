"""``--model NAME`` of evaluations: a Hugging Face model, an experiment or a checkpoint."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from experiment.errors import ConfigError
from experiment.folder import find_checkpoint, is_experiment
from experiment.layout import EXPERIMENTS

EVALUATIONS = ("validate", "test", "predict")
_HUGGING_FACE_FILE = "config.json"
_ONNX_FILE = "recognizer.json"


class ModelChoice(NamedTuple):
    """The arguments without ``--model``, and the Hugging Face model that it names."""

    arguments: list[str]
    huggingface: str | None = None


def choose_model(arguments: Sequence[str]) -> ModelChoice:
    """Take ``--model`` out of a command's arguments; files of YAML are sections, and stay there.

    >>> choose_model(["test", "--model", "someone/recogniser", "--data.language", "it"])
    ModelChoice(arguments=['test', '--data.language', 'it'], huggingface='someone/recogniser')
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--model")
    found, others = parser.parse_known_args(list(arguments))
    if found.model is None or Path(found.model).suffix.lower() in (".yaml", ".yml", ".json"):
        return ModelChoice(list(arguments))
    command = others[0] if others else ""
    if command not in EVALUATIONS:
        raise ConfigError(
            f"{command}: --model names a model to evaluate (test, val, predict); to train from it, use "
            f"--model.pretrained_name {found.model} --model.map_vocabulary true"
        )
    if names_huggingface(found.model):
        return ModelChoice(others, found.model)
    checkpoint = find_checkpoint(command, found.model, takes_models=True)
    return ModelChoice([*others, "--ckpt_path", str(checkpoint)])


def with_model_first(arguments: Sequence[str]) -> list[str]:
    """Put the value of ``--model`` first, where commands without a configuration expect the model.

    >>> with_model_first(["talk.mp3", "--model", "demo"])
    ['demo', 'talk.mp3']
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--model")
    found, others = parser.parse_known_args(list(arguments))
    return list(arguments) if found.model is None else [found.model, *others]


def names_huggingface(name: str) -> bool:
    """Whether a name is a folder of transformers or looks like a hub id, and is no experiment or checkpoint.

    >>> names_huggingface("someone/recogniser"), names_huggingface("models/x.ckpt")
    (True, False)
    """
    path = Path(name)
    if path.is_dir():
        return (path / _HUGGING_FACE_FILE).is_file()
    looks_local = (
        path.suffix == ".ckpt"
        or path.is_absolute()
        or name.startswith((".", "~", f"{EXPERIMENTS}/"))
        or ("/" in name and path.parent.is_dir())  # data/NAME is a folder here, and nobody's name at the hub
    )
    return not path.exists() and not looks_local and not is_experiment(name) and name.count("/") == 1


def model_source(command: str, name: str) -> str:
    """Return what a command loads: an ONNX export, a Hugging Face model, or a checkpoint, by its path."""
    if names_huggingface(name) or (Path(name) / _ONNX_FILE).is_file():
        return name
    return str(find_checkpoint(command, name, takes_models=True))
