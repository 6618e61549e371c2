"""Which part of a network trains from which step on: a schedule, checked and looked up."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import nn

from models.network.pretrained import MEL_FAMILY, feature_extractor_of

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

HEAD, WITHOUT_CONVOLUTIONS, ALL = "head", "all but convolutions", "all"
_TOP = re.compile(r"top ([1-9]\d*)")
_BELOW_ENCODER = ("feature_extractor", "feature_projection")  # what is beside it lies above


def check_unfreezing(
    stages: Mapping[int, str],
    config: "PretrainedConfig",
    *,
    freeze_feature_extractor: bool,
    freeze_transformer: bool,
    has_adapter: bool,
) -> None:
    """Refuse a schedule that a network cannot follow, or that other keys contradict; build nothing."""
    if min(stages, default=-1) != 0:
        raise ValueError(
            f"model: unfreeze must say what trains from step 0 on, such as 0: head, got {dict(stages)}"
        )
    for step, part in stages.items():
        _check_part(f"model: unfreeze: {step}", part, config.num_hidden_layers)
    if freeze_transformer:
        raise ValueError("model: unfreeze trains the transformer, freeze_transformer: true never does")
    if has_adapter:
        raise ValueError("model: unfreeze trains the encoder, an adapter leaves it as it is; leave one out")
    trains_convolutions = ALL in stages.values()
    if trains_convolutions == freeze_feature_extractor and config.model_type != MEL_FAMILY:
        remedy = f"false, or write {WITHOUT_CONVOLUTIONS!r}" if trains_convolutions else "true"
        raise ValueError(
            f"model: unfreeze {'trains' if trains_convolutions else 'never trains'} the convolutions, "
            f"freeze_feature_extractor: {str(freeze_feature_extractor).lower()} contradicts it; "
            f"set freeze_feature_extractor: {remedy}"
        )


def _check_part(place: str, part: str, num_layers: int) -> None:
    top = _TOP.fullmatch(part)
    if top is None and part not in (HEAD, WITHOUT_CONVOLUTIONS, ALL):
        raise ValueError(
            f"{place} must be {HEAD}, top N, {WITHOUT_CONVOLUTIONS} or {ALL}, got {part!r}; top N are the "
            f"head and N layers"
        )
    if top is not None and int(top[1]) > num_layers:
        raise ValueError(f"{place} must be at most top {num_layers}, got {part!r}")


def part_at(stages: Mapping[int, str], step: int) -> str:
    """Return what trains at a step.

    >>> [part_at({0: "head", 5: "all"}, step) for step in (0, 4, 5)]
    ['head', 'head', 'all']
    """
    return stages[max(start for start in stages if start <= step)]


def trains_whole_encoder(part: str) -> bool:
    """Return whether all above the convolutions trains.

    >>> [trains_whole_encoder(part) for part in ("top 4", "all but convolutions")]
    [False, True]
    """
    return part in (ALL, WITHOUT_CONVOLUTIONS)


def frozen_below(network: "PreTrainedModel", part: str) -> list[nn.Module]:
    """Return the modules that a part leaves as they are; all above them trains."""
    encoder, extractor = network.base_model.encoder, feature_extractor_of(network)
    if part == HEAD:
        return [network.base_model]
    if trains_whole_encoder(part):
        return [extractor] if part == WITHOUT_CONVOLUTIONS and extractor is not None else []
    top = _TOP.fullmatch(part)
    num_layers = int(top[1]) if top else 0
    is_normed_at_its_end = getattr(network.config, "do_stable_layer_norm", False)
    above = {"layers", "layer_norm"} if is_normed_at_its_end else {"layers"}
    below = [module for name, module in network.base_model.named_children() if name in _BELOW_ENCODER]
    below += [module for name, module in encoder.named_children() if name not in above]
    return [*below, *encoder.layers[: len(encoder.layers) - num_layers]]
