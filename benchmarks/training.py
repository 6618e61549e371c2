"""Compare the training throughput of a bare loop, this application, and transformers' Trainer.

Run: ``python benchmarks/training.py`` (``--quick`` for a short look); the Trainer needs accelerate. All train
the same Wav2Vec2 from the same saved weights, its convolutions frozen as fine-tuning leaves them
(``--train-all`` trains them, too), on the same clips of noise with Common Voice's spread of lengths (2 to
12 s), with the same batch size, precision, fused AdamW and gradient clipping. They take turns of a few steps,
in alternating order, each in a separate process; values are medians over turns, ratios those of paired
turns.

- *bare*: the application's own network and batches, as tensors in memory, normalised and padded.
- *application*: data module, prepared cache, LightningModule and Trainer, with default callbacks and loggers;
  on a processor it runs frozen convolutions once, before the first step.
- *application, nothing kept*: the same, but every step computes all (``model.cache_encoder: false``).
- *Trainer*: as its example script for CTC is used: transformers' own network, features extracted beforehand
  into a ``datasets`` table, ``group_by_length``, the collator that pads with the feature extractor, all else
  as the defaults are; its start, which reads every row for its length, is left out.
- *Trainer, NumPy rows* (``--numpy-rows``): the same with the table's format set to NumPy, as few scripts do.

Peak memory is that of the process, imports included (on a GPU: the device's).
"""

import argparse
import contextlib
import multiprocessing
import statistics
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.peak_memory import peak_megabytes  # noqa: E402 - the path above
from benchmarks.trainer_contender import TrainerOfTransformers  # noqa: E402
from benchmarks.training_contenders import Application, BareLoop  # noqa: E402
from benchmarks.training_turns import (  # noqa: E402 - the path above
    NETWORK,
    QUICK_NETWORK,
    WARM_UP_TURNS,
    Contender,
    EndOfRaceError,
    Settings,
    Turn,
    make_data_module,
    save_pretrained_network,
)

BARE, OWN, OWN_COMPUTING = "bare", "application", "application, nothing kept"
TRAINER, TRAINER_NUMPY = "Trainer", "Trainer, NumPy rows"


@dataclass(frozen=True)
class Afterwards:
    """What a contender reports after the race."""

    peak_megabytes: float
    seconds_before: float  # its first step, where it is reported


def make_contender(name: str, settings: Settings, line: Connection) -> Contender:
    """Build a contender by name."""
    if name in (OWN, OWN_COMPUTING):
        return Application(settings, line, cache_encoder=None if name == OWN else False)
    if name == BARE:
        return BareLoop(settings, line)
    return TrainerOfTransformers(settings, line, numpy_rows=name == TRAINER_NUMPY)


def compete(name: str, settings: Settings, line: Connection) -> None:
    """Run a contender in its process."""
    quieten()
    contender = make_contender(name, settings, line)
    line.recv()
    with contextlib.suppress(EndOfRaceError):
        contender.train()
    line.send(Afterwards(peak_of_this_process(settings), contender.seconds_before))


def peak_of_this_process(settings: Settings) -> float:
    """Return megabytes, imports included; on a GPU, those of the device."""
    if settings.device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    return peak_megabytes()


def race(names: list[str], settings: Settings) -> tuple[dict[str, list[Turn]], dict[str, Afterwards]]:
    """Run all contenders turn by turn; the order is reversed from round to round."""
    make_data_module(settings)  # prepared once
    save_pretrained_network(settings)
    spawn = multiprocessing.get_context("spawn")
    lines: dict[str, Connection] = {}
    for name in names:
        lines[name], far_end = spawn.Pipe()
        # No daemons: these may not have loaders' workers.
        spawn.Process(target=compete, args=(name, settings, far_end)).start()
        far_end.close()
    results: dict[str, list[Turn]] = {name: [] for name in names}
    try:
        for number in range(settings.turns):
            for name in names if number % 2 else reversed(names):
                results[name].append(_answer(name, lines[name], True))
        return results, {name: _answer(name, line, False) for name, line in lines.items()}
    finally:
        for process in multiprocessing.active_children():
            process.join(timeout=10)
            process.terminate()


def _answer(name: str, line: Connection, another_turn: bool) -> Any:  # noqa: ANN401, FBT001 - as it is sent
    line.send(another_turn)
    try:
        return line.recv()
    except EOFError:
        raise SystemExit(f"{name} has died; its last words are above") from None


def median_ratio(these: list[Turn], those: list[Turn]) -> float:
    """Return the median of the ratios of throughput in paired turns."""
    pairs = zip(these[WARM_UP_TURNS:], those[WARM_UP_TURNS:], strict=True)
    return statistics.median(this.throughput / that.throughput for this, that in pairs)


def report(results: dict[str, list[Turn]], afterwards: dict[str, Afterwards], settings: Settings) -> None:
    """Print the table; return whether the bounds hold."""
    print(
        f"{'':26}{'audio s/s':>10}{'/ bare':>8}{'step ms':>9}{'padding':>9}{'loader wait':>13}{'peak MB':>9}"
    )
    for name, turns in results.items():
        measured = turns[WARM_UP_TURNS:]
        padded = sum(turn.padded_seconds for turn in measured)
        padding = 1 - sum(turn.audio_seconds for turn in measured) / padded
        total = sum(turn.seconds for turn in measured)
        wait = sum(turn.loader_wait for turn in measured) / total
        rate = statistics.median(turn.throughput for turn in measured)
        step = 1000 * total / (settings.steps * len(measured))
        ratio = median_ratio(turns, results[BARE])
        print(
            f"{name:26}{rate:10.1f}{ratio:8.3f}{step:9.0f}{padding:9.1%}{wait:13.1%}{afterwards[name].peak_megabytes:9.0f}"
        )
    for own in (OWN, OWN_COMPUTING):
        for other in (TRAINER, TRAINER_NUMPY):
            if other in results:
                print(f"{own} / {other}: {median_ratio(results[own], results[other]):.3f}")
        print(f"{own}: {afterwards[own].seconds_before:.1f} s before its first step")


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smaller network, three short rounds")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=8, help="of a turn")
    parser.add_argument("--clips", type=int, default=800)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--precision", default="32-true", choices=["32-true", "bf16-mixed"])
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--train-all", action="store_true", help="the convolutions, too")
    parser.add_argument("--numpy-rows", action="store_true", help="add the Trainer over NumPy rows")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.steps, arguments.clips = 3, 2, 300
    return arguments


def quieten() -> None:
    """Silence other output than the table."""
    import logging
    import warnings

    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def main() -> None:
    """Measure and print the table."""
    arguments = parse()
    if find_spec("accelerate") is None:
        raise SystemExit("transformers' Trainer needs accelerate: .venv/bin/python -m pip install accelerate")
    quieten()
    names = [BARE, OWN, OWN_COMPUTING, TRAINER, *[TRAINER_NUMPY] * arguments.numpy_rows]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            arguments.clips,
            arguments.batch_size,
            arguments.steps,
            arguments.rounds,
            arguments.precision,
            arguments.workers,
            not arguments.train_all,
            QUICK_NETWORK if arguments.quick else NETWORK,
            Path(folder),
        )
        report(*race(names, settings), settings)


if __name__ == "__main__":
    main()
