"""Time the optimizers side by side: ``python benchmarks/optimizers.py``.

All optimizers step in turn, round after round, over the same parameters and gradients, so that other work
on the machine affects all alike. A ratio is the median over rounds of the time against the reference in that
round. Shapes are those of Wav2Vec2-base with a head (213 tensors) and of XLS-R-300M, the latter with a given
number of layers.
"""

import argparse
import gc
import importlib
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from optim import FAM, AutoSGM, SimpleFAM, get_parameter_groups  # noqa: E402

VOCABULARY_SIZE = 50
MODELS = ("wav2vec2-base", "xls-r-300m")
REFERENCES = ("AdamW fused", "AdamW foreach")
Builder = Callable[[nn.Module], Optimizer]


def fam(fam_start_step: int) -> Builder:
    """Build FAM with its parameter groups."""
    return lambda model: FAM(get_parameter_groups(model, lr=1e-6), fam_start_step=fam_start_step)


def autosgm(num_lrc: int) -> Builder:
    """Return a builder of AutoSGM with this numerator."""
    return lambda model: AutoSGM(model.parameters(), lr_cfg=(True, 1e-6, num_lrc))  # type: ignore[arg-type]


BUILDERS: dict[str, Builder] = {
    "AdamW fused": lambda model: AdamW(model.parameters(), lr=1e-6, fused=True),
    "AdamW foreach": lambda model: AdamW(model.parameters(), lr=1e-6, foreach=True),
    "SGD momentum": lambda model: SGD(model.parameters(), lr=1e-6, momentum=0.9, foreach=True),
    "FAM": fam(0),
    "FAM frequency off": fam(10**9),
    "SimpleFAM": lambda model: SimpleFAM(model.parameters(), lr=1e-6),
    **{f"AutoSGM num_lrc {number}": autosgm(number) for number in range(5)},
}


def third_party_builders() -> dict[str, Builder]:
    """Return the builders of pytorch_optimizer, where it is installed."""
    try:
        library = importlib.import_module("pytorch_optimizer")
    except ImportError:
        return {}
    names = ("AdaBelief", "Lion", "AdamP")
    return {
        f"pytorch_optimizer {name}": lambda model, name=name: getattr(library, name)(
            model.parameters(), lr=1e-6
        )
        for name in names
        if hasattr(library, name)
    }


def build_model(name: str, layers: int) -> nn.Module:
    """Build the named model on the meta device."""
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    config = Wav2Vec2Config(vocab_size=VOCABULARY_SIZE)
    if name == "xls-r-300m":
        config = Wav2Vec2Config(
            vocab_size=VOCABULARY_SIZE,
            hidden_size=1024,
            num_hidden_layers=layers,
            num_attention_heads=16,
            intermediate_size=4096,
            feat_extract_norm="layer",
            do_stable_layer_norm=True,
            conv_bias=True,
        )
    with torch.device("meta"):
        return Wav2Vec2ForCTC(config)


def fill(model: nn.Module, device: torch.device) -> nn.Module:
    """Give the model memory, small weights and gradients."""
    model = model.to_empty(device=device)
    generator = torch.Generator(device=device).manual_seed(0)
    for param in model.parameters():
        param.data.normal_(0, 0.02, generator=generator)
        param.grad = torch.empty_like(param).normal_(0, 0.01, generator=generator)
    return model


def time_steps(optimizers: dict[str, Optimizer], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Return the milliseconds of every optimizer's steps, taken in turn; two rounds of warm-up come first."""
    times: dict[str, list[float]] = {name: [] for name in optimizers}
    for round_number in range(-2, rounds):
        for name, optimizer in optimizers.items():
            start = _now(device)
            optimizer.step()
            if round_number >= 0:
                times[name].append(1000 * (_now(device) - start))
    return times


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def state_bytes_per_parameter(optimizer: Optimizer) -> float:
    """Return the bytes of an optimizer's state per parameter."""
    values = [value for state in optimizer.state.values() for value in state.values()]
    size = sum(value.nbytes for value in values if isinstance(value, Tensor))
    return size / sum(param.numel() for param in optimizer.state)


def rows(optimizers: dict[str, Optimizer], times: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Return a row per optimizer: median time, ratios to the references, state."""
    return [
        {
            "optimizer": name,
            "median_ms": round(statistics.median(taken), 2),
            **{f"/ {other}": _ratio(taken, times[other]) for other in REFERENCES if other in times},
            "state_bytes_per_parameter": round(state_bytes_per_parameter(optimizers[name]), 3),
        }
        for name, taken in times.items()
    ]


def _ratio(taken: list[float], reference: list[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(taken, reference, strict=True)), 3)


def print_table(table: list[dict[str, Any]]) -> None:
    """Print rows as a Markdown table."""
    print("| " + " | ".join(table[0]) + " |")
    print("|" + " --- |" * len(table[0]))
    for row in table:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")


def measure(model_name: str, device: torch.device, arguments: argparse.Namespace) -> dict[str, Any]:
    """Time all chosen optimizers on one model."""
    model = fill(build_model(model_name, arguments.layers), device)
    builders = {**BUILDERS, **third_party_builders()}
    chosen = {name: build for name, build in builders.items() if not arguments.only or name in arguments.only}
    optimizers = {name: build(model) for name, build in chosen.items()}
    times = time_steps(optimizers, arguments.rounds, device)
    sizes = [param.numel() for param in model.parameters()]
    print(f"\n{model_name}: {len(sizes)} tensors, {sum(sizes) / 1e6:.1f} M parameters, {device}")
    table = rows(optimizers, times)
    print_table(table)
    return {"model": model_name, "device": str(device), "tensors": len(sizes), "rows": table}


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=MODELS, action="append", help="repeatable; both by default")
    parser.add_argument("--layers", type=int, default=4, help="encoder layers of xls-r-300m (24 in full)")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="all", help="cpu, cuda, or all there are")
    parser.add_argument("--only", action="append", choices=[*BUILDERS, *third_party_builders()])
    parser.add_argument("--json", type=Path, help="also write the results here")
    return parser.parse_args()


def main() -> None:
    """Measure on every chosen device and model."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    devices = devices if arguments.device == "all" else [arguments.device]
    machine = platform.processor() or platform.machine()
    print(f"torch {torch.__version__}, {machine}, {arguments.threads} threads")
    results = []
    for device in devices:
        for model_name in arguments.model or MODELS:
            results.append(measure(model_name, torch.device(device), arguments))
            gc.collect()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
