"""An extended network in a Hugging Face folder: transformers has no class for it, so the folder holds one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from models.network.additions import extension
from models.network.additions.extended_family import EXTENDED

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_MODULE = "extended_network"
_CLASSES = '''

from transformers import {configuration}, {network}  # noqa: E402


class ExtendedConfig({configuration}):
    """The configuration of the family, with the keys of the extensions."""

    model_type = "{model_type}"


class ExtendedForCTC({network}):
    """The network of the family, with the extensions that its configuration names."""

    config_class = ExtendedConfig

    def __init__(self, config, **keywords):
        super().__init__(config, **keywords)
        extend(self)
'''


def add_classes(network: "PreTrainedModel", folder: Path) -> None:
    """Add the classes to a saved network; its name makes a program without them refuse the folder."""
    path = folder / "config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    names = {
        "configuration": type(network.config).__name__,
        "network": type(network).__name__,
        "model_type": f"{EXTENDED}{settings['model_type']}",
    }
    source = Path(extension.__file__).read_text(encoding="utf-8")
    (folder / f"{_MODULE}.py").write_text(source + _CLASSES.format(**names), encoding="utf-8")
    classes = {"AutoConfig": f"{_MODULE}.ExtendedConfig", "AutoModelForCTC": f"{_MODULE}.ExtendedForCTC"}
    settings |= {
        "model_type": names["model_type"],
        "auto_map": classes,
        "architectures": ["ExtendedForCTC"],
    }
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
