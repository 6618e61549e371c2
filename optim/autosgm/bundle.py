"""The operands of one AutoSGM step: tensors that are updated together, and the numbers they share."""

from typing import Any, NamedTuple

from torch import Tensor

from optim.autosgm.lowpass import TensorList, output_gain
from optim.autosgm.settings import Filters, WindowShape
from optim.autosgm.window import window_value

RATE_POLE = 0.1  # of the filter over a tensor's rate
OUTLIER_DEVIATIONS = 4.0  # where a step or a correlation is cut

# By numerator: the states as large as the parameter, and those of one number per parameter.
STATES: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = {
    0: (("average", "square"), ()),
    1: (("average", "square", "weight_square", "correlation"), ("rate",)),
    2: (("average", "square", "weight_square", "correlation", "correlation_size"), ("rate",)),
    3: (("average", "square", "step_square"), ("rate",)),
    4: (("average", "square"), ("norm", "deviation")),
}


class Numbers(NamedTuple):
    """The configuration of a step, the same for every tensor that is updated together."""

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

    @classmethod
    def of(cls, group: dict[str, Any], step: int) -> "Numbers":
        """Read a parameter group's settings."""
        shared = ("lr", "weight_decay", "wd_lvl", "aoptlr", "num_lrc", "eps", "maximize")
        return cls(
            step=step,
            filters=Filters(*group["beta_cfg"]),
            window=window_value(step, WindowShape(*group["rc_cfg"])),
            **{name: group[name] for name in shared},
        )

    @property
    def numerator(self) -> int:
        """The numerator in force; steps that are not normalised have none."""
        return self.num_lrc if self.aoptlr else 0

    @property
    def tensor_states(self) -> tuple[str, ...]:
        """The names of the states that are as large as the parameter."""
        return STATES[self.numerator][0] if self.aoptlr else ("average",)

    @property
    def scalar_states(self) -> tuple[str, ...]:
        """The names of the states that are one number per parameter."""
        return STATES[self.numerator][1]

    @property
    def rate(self) -> float:
        """The learning rate under its window."""
        return self.lr * self.window

    @property
    def gradient_gain(self) -> float:
        """The factor from the averaged gradient to its filter's output."""
        return self._gain(self.filters.beta_i)

    @property
    def square_gain(self) -> float:
        """The factor from the averaged squared gradient to its filter's output."""
        return self._gain(self.filters.beta_a)

    @property
    def numerator_gain(self) -> float:
        """The factor from the averaged correlation to its filter's output, whose input gain is one."""
        return output_gain(self.filters.beta_n, step=self.step, eta=1.0)

    @property
    def step_scale(self) -> float:
        """The factor from the averaged gradient over its denominator to the step before its rate."""
        return self.gradient_gain / self.square_gain**0.5 if self.aoptlr else self.gradient_gain

    def _gain(self, pole: float) -> float:
        return output_gain(pole, step=self.step, eta=self.filters.eta_i, debias=self.filters.debias)

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
    like: Tensor  # one of the parameters: shows how they are sharded
