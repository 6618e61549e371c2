"""Low-rank adapters (LoRA): beside a frozen matrix W, the product of two small ones trains.

The output is W x + alpha / rank · up (down (dropout x)); ``up`` starts at zero, so that nothing changes.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from models.network.additions.extended_family import ctc_class
from models.network.quick_dropout import QuickDropout
from untrusted.shapes import ShapeError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_DOWN, _UP, _SCALE = ".lora_down", ".lora_up", ".lora_scale"  # names behind that of the matrix's layer
_USUAL_TARGETS = {"wav2vec2-bert": ["linear_q", "linear_v"]}  # by model_type
_TARGETS = ["q_proj", "v_proj"]  # of the other families


@dataclass(frozen=True)
class LowRankAdapter:
    """Trains low-rank changes of some matrices of the encoder; all else in it stays as it is.

    Args:
        kind: the kind of the adapter.
        rank: the inner size of the two matrices.
        alpha: their product is scaled by alpha / rank.
        targets: names of the linear layers, such as q_proj; null takes those of queries and values.
        dropout: the share of an adapter's inputs that a step drops.
    """

    kind: Literal["lora"] = "lora"
    rank: int = 16
    alpha: float = 32.0
    targets: list[str] | None = None
    dropout: float = 0.05

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError(f"model: adapter: rank must be 1 or more, got {self.rank}")
        if not 0.0 < self.alpha < math.inf:
            raise ValueError(f"model: adapter: alpha must be above 0, got {self.alpha}")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"model: adapter: dropout must lie in 0…1, below 1, got {self.dropout}")
        if self.targets == []:
            raise ValueError("model: adapter: targets must name a layer, or be null for the usual ones")

    def check(self, config: "PretrainedConfig") -> None:
        """Refuse targets that a network of this architecture lacks; its weights are not built."""
        kind = ctc_class(config)  # imported before: constants imported below would have no content
        with torch.device("meta"):
            self.layers_of(kind._from_config(config))

    def layers_of(self, network: "PreTrainedModel") -> dict[str, nn.Linear]:
        """Return the layers to adapt, by name; refuse a target that is not there."""
        linear = {name: part for name, part in network.named_modules() if isinstance(part, nn.Linear)}
        inner = {name: part for name, part in linear.items() if name.startswith(network.base_model_prefix)}
        targets = self.targets or _USUAL_TARGETS.get(network.config.model_type, _TARGETS)
        for target in targets:
            if not any(_is_named(name, target) for name in inner):
                there = ", ".join(dict.fromkeys(name.rpartition(".")[2] for name in inner))
                raise ValueError(f"model: adapter: targets: no layer is named {target!r}; there are: {there}")
        return {n: part for n, part in inner.items() if any(_is_named(n, target) for target in targets)}


def _is_named(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


class LowRankLinear(nn.Linear):
    """A linear layer with its adapter; its parameters keep their names.

    Args:
        base: the layer, whose parameters are taken over.
        adapter: the settings.
    """

    def __init__(self, base: nn.Linear, adapter: LowRankAdapter) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = base.in_features, base.out_features
        self._parameters.update(base._parameters)
        self.lora_down = nn.Parameter(base.weight.new_empty(adapter.rank, base.in_features))
        self.lora_up = nn.Parameter(base.weight.new_zeros(base.out_features, adapter.rank))
        nn.init.kaiming_uniform_(self.lora_down, a=math.sqrt(5))
        self.lora_scale = nn.Buffer(base.weight.new_tensor(adapter.alpha / adapter.rank))
        self.dropout = QuickDropout(adapter.dropout)

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """The matrix with its change: WavLM multiplies by it itself. Dropout acts on its entries then."""
        return self._matrix + self.lora_scale * self.lora_up @ self.dropout(self.lora_down)

    @property
    def _matrix(self) -> Tensor:
        return cast("Tensor", self._parameters["weight"])

    @override
    def forward(self, input: Tensor) -> Tensor:
        change = F.linear(F.linear(self.dropout(input), self.lora_down), self.lora_up)
        return F.linear(input, self._matrix, self.bias) + self.lora_scale * change


def add_low_rank(network: "PreTrainedModel", adapter: LowRankAdapter) -> None:
    """Replace the targets by adapted layers."""
    for name, layer in adapter.layers_of(network).items():
        parent, _, last = name.rpartition(".")
        setattr(network.get_submodule(parent), last, LowRankLinear(layer, adapter))


def is_of_adapter(name: str) -> bool:
    """Return whether a name in a state dict belongs to an adapter.

    >>> is_of_adapter("layers.0.q_proj.lora_up"), is_of_adapter("layers.0.q_proj.weight")
    (True, False)
    """
    return name.endswith((_DOWN, _UP, _SCALE))


def merged(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict of a plain network: each matrix with its change, no adapter.

    >>> one = torch.ones(1, 1)
    >>> merged({"q.weight": one, "q.lora_down": one, "q.lora_up": 2 * one, "q.lora_scale": 3 * one})
    {'q.weight': tensor([[7.]])}
    """
    plain = {name: value for name, value in state.items() if not is_of_adapter(name)}
    for layer in _adapted_layers(state):
        weight, down, up = (state.get(f"{layer}{part}") for part in (".weight", _DOWN, _UP))
        if weight is None or down is None or up is None or f"{layer}{_SCALE}" not in state:
            raise ShapeError(f"{layer} must have a whole adapter and a weight")
        if (up.shape[:1], down.shape[1:]) != (weight.shape[:1], weight.shape[1:]):
            raise ShapeError(f"the adapter of {layer} must change {tuple(weight.shape)}")
        plain[f"{layer}.weight"] = weight + state[f"{layer}{_SCALE}"] * up @ down
    return plain


def _adapted_layers(state: Mapping[str, Tensor]) -> Iterator[str]:
    yield from dict.fromkeys(name.rpartition(".")[0] for name in state if is_of_adapter(name))
