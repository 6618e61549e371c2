"""Networks of a family with extensions: their classes, and the keys of extensions in configurations."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from models.network.additions.extension import LAYER_MIX, SELF_CONDITIONED, extend
from untrusted.shapes import ShapeError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

EXTENDED = "extended-"  # before the family's name, in the configuration of an exported folder
KEYS = (SELF_CONDITIONED, LAYER_MIX)


def extend_configuration(config: "PretrainedConfig", *, layer_mix: bool) -> None:
    """Name the extensions in a network's configuration; what a pretrained network has stays."""
    if layer_mix:
        setattr(config, LAYER_MIX, True)
        check_extensions(config.to_dict())


def ctc_class(config: "PretrainedConfig") -> "type[PreTrainedModel]":
    """Return the class of transformers for a configuration; with extensions, one derived from it."""
    from transformers import MODEL_FOR_CTC_MAPPING

    family: Any = MODEL_FOR_CTC_MAPPING[type(config)]
    return _with_extension(family) if is_extended(config) else family


@lru_cache(maxsize=8)
def _with_extension(family: "type[PreTrainedModel]") -> "type[PreTrainedModel]":
    def build(network: "PreTrainedModel", config: "PretrainedConfig") -> None:
        family.__init__(network, config)
        extend(network)

    return type(family.__name__, (family,), {"__init__": build})


def is_extended(config: "PretrainedConfig") -> bool:
    """Return whether a configuration names an extension."""
    return any(getattr(config, key, None) for key in KEYS)


def plain_family(settings: Mapping[str, Any]) -> str | None:
    """Return the family beneath the settings of an exported extended network; None for other networks.

    >>> plain_family({"model_type": "extended-wavlm"}), plain_family({"model_type": "wavlm"})
    ('wavlm', None)
    """
    name = str(settings.get("model_type"))
    return name.removeprefix(EXTENDED) if name.startswith(EXTENDED) else None


def check_extensions(settings: Mapping[str, Any]) -> None:
    """Refuse values that no network with extensions has.

    >>> check_extensions({"num_hidden_layers": 4, "self_conditioned_layers": [4]})
    Traceback (most recent call last):
    untrusted.shapes.ShapeError: self_conditioned_layers must be numbers of layers below 4, got [4]
    """
    last, layers = settings.get("num_hidden_layers", 0), settings.get(SELF_CONDITIONED)
    is_list = layers is None or isinstance(layers, list | tuple)
    if not is_list or any(type(one) is not int or not 1 <= one < last for one in layers or ()):
        raise ShapeError(f"{SELF_CONDITIONED} must be numbers of layers below {last}, got {str(layers)[:40]}")
    if not isinstance(settings.get(LAYER_MIX, False), bool):
        raise ShapeError(f"{LAYER_MIX} must be true or false, got {str(settings[LAYER_MIX])[:40]}")
    if any(settings.get(key) for key in KEYS) and settings.get("add_adapter"):
        raise ShapeError("an adapter's frames are not those of the layers below it; set add_adapter: false")
