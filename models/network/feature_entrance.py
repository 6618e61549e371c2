"""A way into a network behind its convolutions, for features that were computed before."""

from types import MethodType
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from models.network.pretrained import feature_extractor_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def let_features_in(network: "PreTrainedModel") -> None:
    """From now on the network takes features, (B, C, F), where it takes waveforms, (B, T)."""
    extractor = feature_extractor_of(network)
    if extractor is None:
        raise ValueError(f"let_features_in: {type(network).__name__} has no convolutions over samples")
    # Bound to the module and not a closure over it, so that a copy of the network refers to the copy.
    extractor.forward = MethodType(_convolve_waveforms, extractor)


def _convolve_waveforms(extractor: nn.Module, inputs: Tensor) -> Tensor:
    layers: Any = extractor.conv_layers
    if inputs.shape[1:-1] == (layers[-1].conv.out_channels,):  # (B, C, F); whatever else is no feature
        return inputs
    features: Tensor = type(extractor).forward(extractor, inputs)
    return features
