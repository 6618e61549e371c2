"""The data sets of a configuration, built without a model."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cli.configuration.parser_messages import shortened
from cli.configuration.values.component_parser import ComponentParser
from cli.configuration.yaml_files import check_yaml_files
from dataset_modules.base_dataset import BaseDataset, Split
from dataset_modules.labels.reading import RecordingLabel, read_labels
from experiment.errors import ConfigError
from phonetics import IpaNormaliser, TextToPhonemes
from untrusted.yaml_text import read_yaml


def merged_sections(paths: Sequence[Path]) -> dict[str, Any]:
    """Read the sections ``model`` and ``data`` of configuration files; later ones win, ``key+`` appends."""
    check_yaml_files(paths)
    merged: dict[str, dict[str, Any]] = {"model": {}, "data": {}}
    for path in paths:
        content = read_yaml(path)
        for name, section in merged.items():
            if not isinstance(content.get(name) or {}, dict):
                raise ConfigError(f"{path}: {name} must be a mapping of keys, got {content[name]!r}")
            for key, value in (content.get(name) or {}).items():
                appends = key.endswith("+")
                section[key.removesuffix("+")] = [*section.get(key[:-1], []), *value] if appends else value
    return merged


def configured_labels(paths: Sequence[Path], splits: Sequence[Split]) -> Iterator[RecordingLabel]:
    """Yield the labels of the data sets of configuration files."""
    for dataset in located_datasets(merged_sections(paths)["data"]):
        for split in splits:
            yield from read_labels(dataset, split)


def located_datasets(data: dict[str, Any]) -> list[BaseDataset]:
    """Build the data sets of a data section, and find their recordings."""
    parser = ComponentParser()
    parser.add_argument("--dataset_classes", type=list[BaseDataset], required=True)
    parser.add_argument("--language", type=str | None, default=None)
    parser.add_argument("--text_to_phonemes", type=TextToPhonemes, default="espeak")
    parser.add_argument("--normalisation", type=IpaNormaliser | None, default=None)
    known = {action.dest for action in parser._actions}
    try:
        parsed = parser.parse_object({key: value for key, value in data.items() if key in known})
        chosen = parser.instantiate_classes(parsed)
        for dataset in chosen.dataset_classes:
            dataset.take_defaults(chosen.language, chosen.text_to_phonemes, chosen.normalisation)
            dataset.load_data()
            dataset.check_texts()
    except ConfigError:
        raise
    except (ValueError, TypeError, ImportError, OSError) as error:
        raise ConfigError(shortened(str(error)) or type(error).__name__) from error
    return list(chosen.dataset_classes)
