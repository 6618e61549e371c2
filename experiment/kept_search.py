"""The search that test data were decoded with, kept in the experiment so that its model is used alike."""

import json
from pathlib import Path
from typing import NamedTuple

from durable_files import write_durably
from experiment.errors import ConfigError
from experiment.layout import DECODING_FILE, LANGUAGE_MODEL_FILE
from untrusted.files import FileError
from untrusted.json_text import read_json

WIDEST_BEAM = 1000
LARGEST_WEIGHT = 1000.0


class KeptSearch(NamedTuple):
    """A beam search, with the experiment's language model or without one."""

    beam: int
    lm_weight: float
    token_bonus: float
    has_language_model: bool

    def faults(self) -> str:
        """Return what is out of range; empty if nothing is."""
        if type(self.beam) is not int or not 1 <= self.beam <= WIDEST_BEAM:
            return f"beam must be between 1 and {WIDEST_BEAM}, got {self.beam}"
        for name in ("lm_weight", "token_bonus"):
            if not abs(getattr(self, name)) <= LARGEST_WEIGHT:  # NaN is refused, too
                return f"{name} must be a number up to {LARGEST_WEIGHT:g}, got {getattr(self, name)}"
        return ""


def write_search(folder: Path, search: KeptSearch) -> None:
    """Keep a search in the folder of an experiment or an evaluation."""
    write_durably(folder / DECODING_FILE, json.dumps(search._asdict(), indent=1) + "\n")


def read_search(folder: Path) -> KeptSearch | None:
    """Return the search of an experiment; None where test data were decoded greedily."""
    path = folder / DECODING_FILE
    if not path.is_file():
        return None
    try:
        search = KeptSearch(**read_json(path, dict[str, bool | int | float]))
    except FileError as error:
        raise ConfigError(str(error)) from error
    except TypeError as error:
        raise ConfigError(f"{path} must have the keys {', '.join(KeptSearch._fields)}") from error
    if faults := search.faults():
        raise ConfigError(f"{path}: {faults}")
    if search.has_language_model and not (folder / LANGUAGE_MODEL_FILE).is_file():
        raise ConfigError(f"{path} needs {LANGUAGE_MODEL_FILE} beside it, which is not there")
    return search
