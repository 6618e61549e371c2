"""Writes the schema of the configuration from the parsers that read it.

jsonargparse's generator does most of it. Left to itself it would describe every torch module and metric that
an argument somewhere accepts, and fail on abstract classes: here, classes are described where users choose
them, and any other class is open.
"""

import argparse
import inspect
from typing import Any, ClassVar

import audiomentations
from jsonargparse import ArgumentParser
from jsonargparse._completions_jsonschema import ParserJsonschema
from jsonargparse._typehints import get_callable_return_type
from jsonargparse._util import get_import_path, import_object
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.strategies import Strategy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

import dataset_modules.augmentations
import dataset_modules.common_voice
import dataset_modules.custom
import dataset_modules.synthetic
import dataset_modules.timit
import scoring.annotations.corpus_dataset  # noqa: F401 - imported, so that their classes are known
from cli.commands.doctor import DoctorCLI
from cli.phoneme_cli import PhonemeCLI
from cli.schema.schema_file import (
    CLASS_NAME,
    CLASSES,
    COMMANDS,
    SIGNATURES,
    VERSIONS,
    Schema,
    digest_of_signatures,
    package_versions,
)
from dataset_modules.augmentations import Transform
from dataset_modules.base_dataset import BaseDataset
from phonetics import GraphemeToPhoneme

# The bases whose classes users choose, and the packages that are searched for them.
_CHOSEN = (
    *(BaseDataset, Transform, GraphemeToPhoneme),
    *(Callback, Logger, LRScheduler, Optimizer, Profiler, Strategy),
)
_OFFERED = (
    *("callbacks.", "dataset_modules.", "scoring.", "phonetics.", "optim."),
    *("lightning.pytorch.", "torch.optim."),
)
_HIDDEN = ("callbacks.every_run.", "lightning.pytorch.cli.", "lightning.pytorch.loggers.logger.")
# Their signatures depend on packages that are not installed everywhere.
_OPTIONAL = tuple(
    f"lightning.pytorch.loggers.{name}Logger" for name in ("Comet", "MLFlow", "Neptune", "Wandb")
)
_OURS = ("callbacks.", "cli.", "dataset_modules.", "models.", "optim.", "phonetics.", "scoring.")
# Lightning's own descriptions of these leave out what this program does with them.
_MEANINGS = {
    "seed_everything": "the seed of everything that is drawn; null draws one, which is printed and saved.",
    "ckpt_path": "train: the checkpoint to resume from, with everything; else the one to evaluate. last and "
    "best mean those of the newest run of this name.",
    "weights_only": "false lets a checkpoint run code while it is read; null is true.",
}
_KEPT = 400  # characters of a description


def build_schema() -> Schema:
    """Return the schema of a configuration for training, and what the other commands add."""
    parsers = _parsers(PhonemeCLI)
    schema = _Generator().generate(parsers["fit"])
    schema["title"] = "A configuration of the phoneme recogniser"
    schema["description"] = "Written by ./run.sh reference from the signatures and docstrings; never by hand."
    for key, meaning in _MEANINGS.items():
        schema["properties"][key]["description"] = meaning
    named = set(schema["properties"])
    others = {name: _Generator().generate(parser)["properties"] for name, parser in parsers.items()}
    others["doctor"] = _Generator().generate(_parsers(DoctorCLI)["fit"])["properties"]
    schema[COMMANDS] = {
        name: {key: value for key, value in properties.items() if key not in named}
        for name, properties in others.items()
    }
    schema[CLASSES] = sorted(_Generator.classes)
    schema[VERSIONS], schema[SIGNATURES] = package_versions(), digest_of_signatures(schema[CLASSES])
    return schema


def parsers_of_training() -> dict[str, ArgumentParser]:
    """Return the parsers of Lightning's subcommands, and the doctor's."""
    return {**_parsers(PhonemeCLI), "doctor": _parsers(DoctorCLI)["fit"]}


class _ParsersMadeError(Exception):
    """Ends the construction of a command line once its parsers are there."""


def _parsers(kind: type[PhonemeCLI]) -> dict[str, ArgumentParser]:
    found: dict[str, ArgumentParser] = {}

    class Stopped(kind):  # type: ignore[misc, valid-type]
        def parse_arguments(self, parser: ArgumentParser, args: object) -> None:  # noqa: ARG002
            found.update(self._subcommand_parsers)
            raise _ParsersMadeError

    try:
        Stopped(["fit"])
    except _ParsersMadeError:
        return found
    raise RuntimeError("schema: the command line made no parsers")


class _Generator(ParserJsonschema):
    """Describes the classes that users choose; leaves out what editors would complain about."""

    # Our classes whose signatures were read.
    classes: ClassVar[set[str]] = {"PhonemeRecognizer", "PhonemeDataModule", "PhonemeCLI", "DoctorCLI"}

    def class_parser_schema(
        self, class_type: type | str, action: argparse.Action, description: str | None = None
    ) -> Schema:
        """Describe the arguments of a class."""
        read = import_object(class_type) if isinstance(class_type, str) else class_type
        bases = inspect.getmro(read) if inspect.isclass(read) else ()
        self.classes.update(each.__name__ for each in bases if each.__module__.startswith(_OURS))
        schema: Schema = super().class_parser_schema(class_type, action, description)
        return schema

    def generate(self, parser: ArgumentParser) -> Schema:
        """Describe a parser."""
        schema: Schema = _without_clutter(super().generate(parser))
        return schema

    def class_ref(self, class_type: type, action: argparse.Action, subclass: bool) -> Schema:
        """Refer to a class; fields of other packages' records stay open."""
        if not subclass and not class_type.__module__.startswith(_OURS):
            return {}
        reference: Schema = super().class_ref(class_type, action, subclass)
        return reference

    def callable_schema(self, typehint: Any, action: argparse.Action) -> Schema:  # noqa: ANN401 - any type
        """Mark the text that names a class or a function."""
        returned = get_callable_return_type(typehint)
        kinds = getattr(returned, "__args__", None) or (returned,)  # of a union, the first
        if kinds[0] not in _CHOSEN:
            return {}
        return {"anyOf": [CLASS_NAME, self.class_ref(kinds[0], action, subclass=True)]}

    def subclass_def(self, class_type: type, action: argparse.Action) -> Schema:
        """Describe the classes that fit, and leave users' own classes open."""
        if class_type not in _CHOSEN:
            return {}
        known = class_paths(class_type)
        own = {"class_path": {"type": "string", "not": {"enum": known}}, "init_args": {"type": "object"}}
        return {
            "anyOf": [
                CLASS_NAME,
                *(_for_users(self.class_path_schema(path, action)) for path in known),
                {"type": "object", "properties": {**own, "dict_kwargs": {"type": "object"}}},
            ]
        }


def _for_users(schema: Schema) -> Schema:
    """Drop the argument that training itself gives to optimizers and schedulers."""
    for given in ("params", "optimizer"):
        schema["properties"]["init_args"].get("properties", {}).pop(given, None)
    return schema


def class_paths(base: type) -> list[str]:
    """List the classes that users may choose for a base, by the shortest path that names each."""
    if base is Transform:
        modules = (audiomentations, dataset_modules.augmentations)
        return [path for module in modules for path in _classes_in(module, base)]
    found = {path for each in _subclasses(base) if (path := _public_path(each))}
    return sorted(found)


def _classes_in(module: Any, base: type) -> list[str]:  # noqa: ANN401 - a module
    classes = inspect.getmembers(module, inspect.isclass)
    return [
        f"{module.__name__}.{name}"
        for name, one in classes
        if issubclass(one, base) and not inspect.isabstract(one) and one.__name__ == name
    ]


def _subclasses(base: type) -> list[type]:
    derived: list[type] = base.__subclasses__()
    return [base, *(each for below in derived for each in _subclasses(below))]


def _public_path(one: type) -> str:
    """Return the path that users write; empty for a class that is not offered."""
    path = str(get_import_path(one))
    hidden = inspect.isabstract(one) or "._" in path or path.startswith(_HIDDEN + _OPTIONAL) or one in _CHOSEN
    return path if path.startswith(_OFFERED) and not hidden else ""


def _without_clutter(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Drop ``required``, since several files make one configuration, and shorten descriptions."""
    if isinstance(node, list):
        return [_without_clutter(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _without_clutter(value) for key, value in node.items() if key not in ("required", "allOf")}
    properties = kept.get("properties")
    if isinstance(properties, dict):
        properties.pop("$schema", None)
        properties.pop("self", None)
    if isinstance(text := kept.get("description"), str):
        kept["description"] = _shortened(text)
    return kept


def _shortened(text: str) -> str:
    plain = " ".join(text.replace("``", "`").split())
    return plain if len(plain) <= _KEPT else plain[:_KEPT].rpartition(" ")[0] + " …"
