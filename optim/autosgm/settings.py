"""AutoSGM's configuration: the tuples of its users, named and checked."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeVar

from optim.checked_optimizer import require, require_non_negative, require_pole

OWNER = "AutoSGM"

_Flag = Literal[0, 1]
LrCfg = tuple[bool, float, Literal[0, 1, 2, 3, 4]]
BetaCfg = tuple[float, float, float, float, float, bool]
RcCfg = tuple[Literal[0, 1, 2, 3, 4, 5, 6], _Flag, float, float, _Flag, int, int, Literal[0, 1, 2], float]
WdCfg = tuple[float, _Flag]
EpsCfg = tuple[float]


class LearningRate(NamedTuple):
    """``lr_cfg``: whether steps are normalised (``aoptlr``), the rate, and which numerator scales it."""

    aoptlr: bool = True
    lr_init: float = 1e-3
    num_lrc: int = 0

    def _check(self, owner: str) -> None:
        require_non_negative(owner, "lr_init", self.lr_init)
        require(self.num_lrc in range(5), owner, "num_lrc must be one of 0, 1, 2, 3, 4", self.num_lrc)


class Filters(NamedTuple):
    """``beta_cfg``: the poles of the numerator's, denominator's and gradient's filters, and their shape."""

    beta_n: float = 0.9999
    beta_a: float = 0.999
    beta_i: float = 0.9
    gamma_i: float = 0.0
    eta_i: float = 0.0
    debias: bool = True

    def _check(self, owner: str) -> None:
        for field in ("beta_n", "beta_a", "beta_i"):
            require_pole(owner, field, getattr(self, field))
        require(0 <= self.gamma_i < 1, owner, "the zero gamma_i must lie in [0, 1)", self.gamma_i)
        require_non_negative(owner, "eta_i", self.eta_i)


class WindowShape(NamedTuple):
    """``rc_cfg``: the window on the learning rate; see ``optim.autosgm.window``."""

    rcm: int = 0
    inseq: int = 0
    x: float = 0.0
    n: float = 2.0
    m: int = 1
    tau: int = 1
    spe: int = 1000
    cfact: int = 1
    e: float = 0.0

    def _check(self, owner: str) -> None:
        for field, allowed in (("rcm", 7), ("inseq", 2), ("m", 2), ("cfact", 3)):
            value = getattr(self, field)
            require(value in range(allowed), owner, f"{field} must be one of 0 to {allowed - 1}", value)
        for field in ("tau", "spe"):
            value = getattr(self, field)
            require(value >= 1 and value == int(value), owner, f"{field} must be a whole number >= 1", value)
        require(0 <= self.x <= 1, owner, "the floor x must lie in [0, 1]", self.x)
        require(0 <= self.e < 1, owner, "the flat share e must lie in [0, 1)", self.e)
        rule = "the order n must be above 0, and not 1 where rcm is 3"
        require(self.n > 0 and (self.rcm, self.n) != (3, 1), owner, rule, self.n)


class Decay(NamedTuple):
    """``wd_cfg``: the weight decay, and where it acts: 0 in the gradient, 1 in the step."""

    wd_cte: float = 0.0
    wd_lvl: int = 0

    def _check(self, owner: str) -> None:
        require_non_negative(owner, "wd_cte", self.wd_cte)
        require(self.wd_lvl in (0, 1), owner, "wd_lvl must be 0 or 1", self.wd_lvl)


class Epsilon(NamedTuple):
    """``eps_cfg``: the number that keeps divisions finite."""

    eps: float = 1e-8

    def _check(self, owner: str) -> None:
        require_non_negative(owner, "eps", self.eps)


Form = TypeVar("Form", LearningRate, Filters, WindowShape, Decay, Epsilon)


def _named(key: str, form: type[Form], values: Sequence[Any]) -> Form:
    """Name and check the entries of a configuration tuple; a wrong length is refused with the fields."""
    owner = f"{OWNER}: {key}"
    rule = f"needs {len(form._fields)} entries ({', '.join(form._fields)})"
    require(len(values) == len(form._fields), owner, rule, values)
    named = form(*values)
    named._check(owner)
    return named


def group_settings(given: dict[str, Any]) -> dict[str, Any]:
    """Turn the tuples among a group's settings into the entries that a step reads.

    ``lr`` and ``weight_decay`` stand for ``lr_cfg[1]`` and ``wd_cfg[0]``, so that schedulers, monitors and
    searches find them where every optimizer has them.

    Example:
        >>> group_settings({"lr_cfg": (True, 0.01, 3)})
        {'lr': 0.01, 'aoptlr': True, 'num_lrc': 3}
    """
    settings = {key: value for key, value in given.items() if key not in ("lr_cfg", "wd_cfg", "eps_cfg")}
    if "lr_cfg" in given:
        rate = _named("lr_cfg", LearningRate, given["lr_cfg"])
        settings["lr"] = _agreed("lr", given.get("lr"), "lr_cfg[1]", rate.lr_init, LearningRate().lr_init)
        settings.update(aoptlr=rate.aoptlr, num_lrc=rate.num_lrc)
    if "wd_cfg" in given:
        wd = _named("wd_cfg", Decay, given["wd_cfg"])
        shorthand = given.get("weight_decay")
        settings["weight_decay"] = _agreed("weight_decay", shorthand, "wd_cfg[0]", wd.wd_cte, Decay().wd_cte)
        settings["wd_lvl"] = wd.wd_lvl
    if "eps_cfg" in given:
        settings["eps"] = _named("eps_cfg", Epsilon, given["eps_cfg"]).eps
    if "beta_cfg" in given:
        settings["beta_cfg"] = tuple(_named("beta_cfg", Filters, given["beta_cfg"]))
    if "rc_cfg" in given:
        settings["rc_cfg"] = tuple(_named("rc_cfg", WindowShape, given["rc_cfg"]))
    return settings


def _agreed(name: str, shorthand: float | None, entry: str, value: float, default: float) -> float:
    """Return the value of a setting that has two names; the shorthand replaces the tuple's default."""
    if shorthand is None:
        return value
    if value not in (shorthand, default):
        raise ValueError(f"{OWNER}: {name} and {entry} must agree, got {shorthand!r} and {value!r}; give one")
    return shorthand
