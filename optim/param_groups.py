"""Parameter groups by a parameter's name: FAM's kinds of layer, and rates that fall with depth."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from torch import nn
from torch.nn import Parameter

from optim.checked_optimizer import require, require_non_negative
from optim.fam.spectrum import Handler

ENCODER_LAYER = re.compile(r"(?:^|\.)encoder\.layers\.(\d+)\.")


class Kind(NamedTuple):
    """A row of the table: parts of parameters' names, and FAM's settings for these parameters."""

    name_parts: tuple[str, ...]
    handler: Handler
    n_bands: int
    alpha: float
    lr_scale: float = 1.0
    decay_scale: float = 1.0


KINDS = (
    Kind(("conv", "cnn"), "conv", 10, 0.9),
    Kind(("attention", "mha", "self_attn"), "attention", 12, 0.92),
    Kind(("embed", "token"), "embedding", 8, 0.95, lr_scale=0.8, decay_scale=1.5),
    Kind(("norm", "batch"), "default", 4, 0.9, decay_scale=0.0),
    Kind(("",), "default", 8, 0.9),
)


@lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind:
    """Return the first row of the table that matches the name.

    Example:
        >>> kind_of("encoder.layers.0.attention.k_proj.weight").handler
        'attention'
        >>> kind_of("encoder.layers.0.feed_forward.output_dense.weight").decay_scale
        1.0
    """
    return next(kind for kind in KINDS if any(part in name.lower() for part in kind.name_parts))


@lru_cache(maxsize=4096)
def encoder_layer(name: str) -> int | None:
    """Return the number of a parameter's encoder layer, ``None`` outside the numbered layers.

    Example:
        >>> encoder_layer("wav2vec2.encoder.layers.7.final_layer_norm.weight")
        7
        >>> encoder_layer("feature_extractor.conv_layers.0.conv.weight")
    """
    found = ENCODER_LAYER.search(name)
    return int(found.group(1)) if found else None


def _trainable(model: nn.Module) -> list[tuple[str, Parameter]]:
    """Return every parameter to train, once: shared ones appear under their first name."""
    return [(name, param) for name, param in model.named_parameters() if param.requires_grad]


def _members(named: list[tuple[str, Parameter]]) -> dict[str, Any]:
    return {"params": [param for _, param in named], "names": [name for name, _ in named]}


def trainable_group(model: nn.Module) -> dict[str, Any]:
    """Return all trainable parameters with their names, as one group."""
    return _members(_trainable(model))


def get_parameter_groups(model: nn.Module, lr: float, weight_decay: float = 0.0) -> list[dict[str, Any]]:
    """Group a model's trainable parameters by kind of layer, with FAM's settings for each kind.

    Kinds without a parameter give no group; frozen parameters are in none.
    """
    require_non_negative("get_parameter_groups", "lr", lr)
    require_non_negative("get_parameter_groups", "weight_decay", weight_decay)
    by_kind = {kind: [item for item in _trainable(model) if kind_of(item[0]) is kind] for kind in KINDS}
    return [
        {
            **_members(named),
            "lr": lr * kind.lr_scale,
            "weight_decay": weight_decay * kind.decay_scale,
            "alpha": kind.alpha,
            "handler": kind.handler,
            "n_bands": kind.n_bands,
        }
        for kind, named in by_kind.items()
        if named
    ]


def layerwise_parameter_groups(
    model: nn.Module, lr: float, weight_decay: float = 0.0, decay: float = 0.9
) -> list[dict[str, Any]]:
    """Group a model's trainable parameters by depth, the rate falling by ``decay`` per layer downwards.

    The head (``lm_head``) learns at ``lr``, the topmost of ``n`` encoder layers at ``lr * decay``, the lowest
    at ``lr * decay**n``, modules before the encoder (convolutions, projection, positions, a norm before the
    layers) at ``lr * decay**(n + 1)``, modules after it (a closing norm, an adapter) at its topmost layer's
    rate. Norms and biases have no weight decay. Works on any encoder whose layers are named
    ``...encoder.layers.<number>...`` (Wav2Vec2, HuBERT, WavLM, Wav2Vec2-BERT).
    """
    require(0 < decay <= 1, "layerwise_parameter_groups", "decay must lie in (0, 1]", decay)
    named = _trainable(model)
    layers = [encoder_layer(name) for name, _ in model.named_parameters()]
    n_layers = 1 + max((layer for layer in layers if layer is not None), default=-1)
    if not n_layers:
        raise ValueError(
            "layerwise_parameter_groups: the model must have parameters named "
            f"'...encoder.layers.<number>...', got {[name for name, _ in named[:3]]}; use param_groups: null"
        )
    by_place: dict[tuple[int, bool], list[tuple[str, Parameter]]] = {}
    norm_closes = _norm_closes(model)
    for name, param in named:
        place = (_depth(name, n_layers, norm_closes=norm_closes), _decays(name, param))
        by_place.setdefault(place, []).append((name, param))
    return [
        {
            **_members(members),
            "lr": lr * decay ** (n_layers + 1 - depth),
            "weight_decay": weight_decay if decays else 0.0,
        }
        for (depth, decays), members in sorted(by_place.items(), key=lambda place: place[0])
    ]


def _norm_closes(model: nn.Module) -> bool:
    """Check in the configuration whether ``encoder.layer_norm`` comes after the layers."""
    configurations = (getattr(module, "config", None) for module in model.modules())
    stable = (getattr(config, "do_stable_layer_norm", None) for config in configurations)
    return next((bool(flag) for flag in stable if flag is not None), True)


def _depth(name: str, n_layers: int, *, norm_closes: bool) -> int:
    """Return 0 before the encoder, 1 to ``n_layers`` for its layers, ``n_layers + 1`` for the head."""
    layer = encoder_layer(name)
    if layer is not None:
        return layer + 1
    parts = name.split(".")
    if "lm_head" in parts:
        return n_layers + 1
    if "encoder.layer_norm." in name:
        return n_layers if norm_closes else 0
    return n_layers if {"adapter", "intermediate_ffn"} & set(parts) else 0


def _decays(name: str, param: Parameter) -> bool:
    """Check for a matrix: norms, biases and gains (``(1, 1, K)`` in weight norm) have no weight decay."""
    return sum(size > 1 for size in param.shape) > 1 and "norm" not in name
