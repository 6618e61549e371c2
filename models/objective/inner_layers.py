"""CTC losses of inner layers: the network must recognise early, and later layers refine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from models.network.additions.extension import SELF_CONDITIONED, normed_states, states_of

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


@dataclass(frozen=True)
class IntermediateCTC:
    """CTC over the states of inner layers, through the same head.

    Args:
        layers: numbers of the layers whose states are used; the first layer is 1.
        weight: their share w of the loss, (1 - w) · last layer + w · mean of the inner ones.
        self_conditioning: whether the layers above these continue from what the head recognised there; such a
            network needs this in evaluation, too.
    """

    layers: list[int]
    weight: float = 0.3
    self_conditioning: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.weight < 1.0:
            raise ValueError(f"model: intermediate_ctc: weight must lie in 0…1, below 1, got {self.weight}")
        if not self.layers or len(set(self.layers)) != len(self.layers):
            raise ValueError(
                f"model: intermediate_ctc: layers must be numbers of different layers, got {self.layers}"
            )

    def settle(self, config: "PretrainedConfig", *, is_frozen: bool) -> None:
        """Refuse layers that the network lacks; name those that are conditioned in its configuration."""
        last = config.num_hidden_layers
        if wrong := [layer for layer in self.layers if not 1 <= layer < last]:
            raise ValueError(
                f"model: intermediate_ctc: layers must lie in 1…{last - 1}, below the last of {last}, "
                f"got {wrong[0]}"
            )
        if getattr(config, "add_adapter", False):
            raise ValueError(
                "model: intermediate_ctc: an adapter changes the frames behind the layers; "
                "set network_config.add_adapter: false"
            )
        if is_frozen:
            raise ValueError("model: intermediate_ctc trains layers, freeze_transformer: true freezes all")
        if self.self_conditioning:
            setattr(config, SELF_CONDITIONED, sorted(self.layers))


class InnerStates:
    """Takes the states of some layers during a forward pass, without changing it."""

    def __init__(self, network: "PreTrainedModel", layers: list[int]) -> None:
        self._network = network
        self._taken: dict[int, Tensor] | None = None
        for number in layers:  # before a hook that conditions the states
            layer = network.base_model.encoder.layers[number - 1]
            layer.register_forward_hook(self._hook(number), prepend=True)

    def _hook(self, number: int) -> Any:  # noqa: ANN401 - torch's type of hooks
        def take(module: nn.Module, arguments: object, output: Tensor | tuple[Tensor, ...]) -> None:
            if self._taken is not None:
                self._taken[number] = states_of(output)

        return take

    @contextmanager
    def taken(self) -> Iterator[dict[int, Tensor]]:
        """Collect the states, (B, F, H), of a forward pass; a layer that was dropped has none."""
        found: dict[int, Tensor] = {}
        self._taken = found
        try:
            yield found
        finally:
            self._taken = None

    def normed(self, states: Tensor) -> Tensor:
        """Return states as the head expects them."""
        return normed_states(self._network, states)
