"""What one AutoSGM step works on: tensors that are updated together, and the numbers they share."""

from typing import NamedTuple

from torch import Tensor

from optim.autosgm.lowpass import TensorList
from optim.autosgm.settings import Filters

RATE_POLE = 0.1  # of the filter over a tensor's rate
OUTLIER_DEVIATIONS = 4.0  # where a step or a correlation is cut

# As large as the parameter, and one number per parameter, by numerator.
TENSOR_STATES: dict[int, tuple[str, ...]] = {
    0: ("average", "square"),
    1: ("average", "square", "weight_square", "correlation"),
    2: ("average", "square", "weight_square", "correlation", "correlation_size"),
    3: ("average", "square", "step_square"),
    4: ("average", "square"),
}
SCALAR_STATES: dict[int, tuple[str, ...]] = {
    0: (),
    1: ("rate",),
    2: ("rate",),
    3: ("rate",),
    4: ("norm", "deviation"),
}


class Numbers(NamedTuple):
    """What a step takes from the configuration: the same for every tensor that is updated together."""

    step: int
    lr: float
    weight_decay: float
    wd_lvl: int
    aoptlr: bool
    num_lrc: int
    filters: Filters
    eps: float
    window: float
    maximize: bool

    @property
    def numerator(self) -> int:
        """The numerator in force: steps that are not normalised have none of their own."""
        return self.num_lrc if self.aoptlr else 0

    @property
    def tensor_states(self) -> tuple[str, ...]:
        """The names of the states that are as large as the parameter."""
        return TENSOR_STATES[self.numerator] if self.aoptlr else ("average",)

    @property
    def scalar_states(self) -> tuple[str, ...]:
        """The names of the states that are one number per parameter."""
        return SCALAR_STATES[self.numerator]

    @property
    def decay_in_step(self) -> float:
        """The weight decay's factor where it acts in the step, 0 where it acts in the gradient."""
        pole, zero = self.filters.beta_i, self.filters.gamma_i
        return self.weight_decay * (1 - pole) / (1 - zero) if self.wd_lvl == 1 else 0.0


class Bundle(NamedTuple):
    """Parameters that are updated together: their local tensors and states, one entry per parameter."""

    params: TensorList
    grads: TensorList
    states: dict[str, TensorList]  # as large as the parameter
    scalars: dict[str, TensorList]
    numels: list[int]  # of the whole parameters
    like: Tensor  # tells how the parameters are sharded
