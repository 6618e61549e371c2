"""Every optimizer and variant that the tests run through, and the small problems they run on."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from optim import FAM, AutoSGM, SimpleFAM

SHAPES = ((24, 20), (20,), (8, 6, 5), (1,), (40, 30))
Builder = Callable[..., Optimizer]


def fam(params: Iterable[Any], **settings: Any) -> FAM:
    return FAM(params, **{"lr": 0.02, "fam_start_step": 1, "min_size": 16, "weight_decay": 0.01, **settings})


def simple_fam(params: Iterable[Any], **settings: Any) -> SimpleFAM:
    return SimpleFAM(params, **{"lr": 0.02, **settings})


def autosgm(num_lrc: int, **fixed: Any) -> Builder:
    def build(params: Iterable[Any], **settings: Any) -> AutoSGM:
        lr_cfg = (True, settings.pop("lr", 0.02), num_lrc)
        return AutoSGM(params, **{"lr_cfg": lr_cfg, "wd_cfg": (0.01, 1), **fixed, **settings})

    return build


NESTEROV = {"beta_cfg": (0.999, 0.99, 0.9, 0.9 / 1.9, 0, True), "rc_cfg": (1, 0, 0.1, 2, 1, 2, 5, 1, 0.1)}
PLAIN = {"lr_cfg": (False, 0.02, 0), "wd_cfg": (0.01, 0)}

OPTIMIZERS: dict[str, Builder] = {
    "FAM": fam,
    "FAM-without-decay": lambda params, **settings: fam(params, weight_decay=0.0, **settings),
    "FAM-without-memory": lambda params, **settings: fam(params, alpha=0.0, **settings),
    "SimpleFAM": simple_fam,
    "SimpleFAM-without-memory": lambda params, **settings: simple_fam(params, alpha=0.0, **settings),
    **{f"AutoSGM-{number}": autosgm(number) for number in range(5)},
    "AutoSGM-nesterov-window": autosgm(3, **NESTEROV),
    "AutoSGM-not-normalised": autosgm(0, **PLAIN),
}


def make_params(
    dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu", seed: int = 0
) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [
        nn.Parameter((0.3 * torch.randn(shape, generator=generator)).to(device, dtype)) for shape in SHAPES
    ]


def set_gradients(params: Iterable[nn.Parameter], step: int) -> None:
    """Give each parameter a gradient that depends on the step and the parameter only."""
    generator = torch.Generator().manual_seed(1000 + step)
    for param in params:
        param.grad = torch.randn(param.shape, generator=generator).to(param.device, param.dtype)


def train(optimizer: Optimizer, params: list[nn.Parameter], first: int, last: int) -> None:
    for step in range(first, last + 1):
        set_gradients(params, step)
        optimizer.step()


class TinyNetwork(nn.Module):
    """An encoder and a head, named as the real ones are."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_conv = nn.Conv1d(3, 8, 3)
        self.projection = nn.Linear(
            8, 213 * 8
        )  # large enough to be sampled, at a stride that no shard starts on
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList(
            nn.ModuleDict({"attention": nn.Linear(8, 8), "feed_forward": nn.Linear(8, 8)}) for _ in range(2)
        )
        self.encoder.layer_norm = nn.LayerNorm(8)
        self.lm_head = nn.Linear(8, 5)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:  # (B, 3, T) -> (B, 5)
        hidden = self.feature_conv(sound).mean(-1)
        hidden = hidden + self.projection(hidden).unflatten(-1, (213, 8)).mean(1)
        for layer in self.encoder.layers:
            hidden = hidden + torch.tanh(layer["feed_forward"](torch.tanh(layer["attention"](hidden))))
        return self.lm_head(self.encoder.layer_norm(hidden))
