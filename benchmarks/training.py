"""Training throughput: a bare loop over ready tensors, this application, and transformers' Trainer.

Run: ``python benchmarks/training.py`` (``--quick`` for a short look); the Trainer needs accelerate. All train
the same Wav2Vec2 from the same weights, its convolutions frozen as fine-tuning leaves them (``--train-all``
trains them, too), on the same clips of noise with Common Voice's spread of lengths (2 to 12 s), with the
same batch size, precision, fused AdamW and gradient clipping. They take turns of a few steps, in alternating
order, in one process; figures are medians over turns, ratios those of paired turns.

- *bare*: the application's own network and batches, as tensors in memory, normalised and padded.
- *application*: data module, prepared cache, LightningModule and Trainer, with default callbacks and loggers;
  on a processor it hears frozen convolutions once, before the first step.
- *application, nothing kept*: the same, but every step computes all (``model.cache_encoder: false``).
- *Trainer*: as its example script for CTC is used: transformers' own network, features extracted beforehand
  into a ``datasets`` table, ``group_by_length``, the collator that pads with the feature extractor, all else
  as the defaults are; its start, which reads every row for its length, is left out.
- *Trainer, NumPy rows* (``--numpy-rows``): the same with the table's format set to NumPy, as few scripts do.

Peak memory is that of a process of its own for each, imports included (on a GPU: the device's).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.peak_memory import peak_megabytes  # noqa: E402 - the path above
from benchmarks.trainer_contender import TrainerOfTransformers  # noqa: E402
from benchmarks.training_contenders import (  # noqa: E402 - the path above
    NETWORK,
    WARM_UP_TURNS,
    Application,
    BareLoop,
    Settings,
    Turn,
    make_data_module,
)

OWN, OWN_COMPUTING = "application", "application, nothing kept"
TRAINER, TRAINER_NUMPY = "Trainer", "Trainer, NumPy rows"


def make_contender(name: str, settings: Settings) -> Any:  # noqa: ANN401 - whoever has turns
    """One of those who take turns."""
    if name in (OWN, OWN_COMPUTING):
        return Application(settings, cache_encoder=None if name == OWN else False)
    data = make_data_module(settings)
    if name == "bare":
        return BareLoop(settings, data)
    return TrainerOfTransformers(settings, data, numpy_rows=name == TRAINER_NUMPY)


def take_turns(contenders: dict[str, Any], turns: int) -> dict[str, list[Turn]]:
    """All contenders, turn by turn; the order is turned round from one round to the next."""
    results: dict[str, list[Turn]] = {name: [] for name in contenders}
    for number in range(turns):
        names = list(contenders)
        for name in names if number % 2 else reversed(names):
            results[name].append(contenders[name].turn())
    return results


def median_ratio(these: list[Turn], those: list[Turn]) -> float:
    """The median of the ratios of throughput, turn by turn."""
    pairs = zip(these[WARM_UP_TURNS:], those[WARM_UP_TURNS:], strict=True)
    return statistics.median(this.throughput / that.throughput for this, that in pairs)


def report(results: dict[str, list[Turn]], peaks: dict[str, float], settings: Settings) -> None:
    """The table, and whether the bounds hold."""
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
        ratio = median_ratio(turns, results["bare"])
        print(
            f"{name:26}{rate:10.1f}{ratio:8.3f}{step:9.0f}{padding:9.1%}{wait:13.1%}{peaks.get(name, 0):9.0f}"
        )
    for own in (OWN, OWN_COMPUTING):
        for other in (TRAINER, TRAINER_NUMPY):
            if other in results:
                print(f"{own} / {other}: {median_ratio(results[own], results[other]):.3f}")


def peak_of(name: str, settings: Settings) -> float:
    """Of this process, after a turn of one contender alone; on a GPU, of the device."""
    contender = make_contender(name, settings)
    for _ in range(settings.turns):
        contender.turn()
    if settings.device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    return peak_megabytes()


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="a smaller network, three short rounds, no peak memory"
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=8, help="of a turn")
    parser.add_argument("--clips", type=int, default=800)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--precision", default="32-true", choices=["32-true", "bf16-mixed"])
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--train-all", action="store_true", help="the convolutions, too")
    parser.add_argument("--numpy-rows", action="store_true", help="add the Trainer over NumPy rows")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.steps, arguments.clips = 3, 2, 300
        NETWORK.update(conv_dim=[32] * 7, hidden_size=128, num_hidden_layers=3, intermediate_size=512)
    return arguments


def measure_peaks(names: list[str], arguments: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Each contender in a process of its own, on data that lies there already."""
    command = [sys.executable, __file__, "--folder", str(folder), "--rounds", "1", "--steps", "4"]
    for option in ("clips", "batch_size", "precision", "workers"):
        command += [f"--{option.replace('_', '-')}", str(getattr(arguments, option))]
    command += ["--train-all"] * arguments.train_all
    peaks = {}
    for name in names:
        done = subprocess.run([*command, "--peak", name], capture_output=True, text=True, check=True)
        peaks[name] = float(json.loads(done.stdout.splitlines()[-1]))
    return peaks


def main() -> None:
    """Measure, and print the table."""
    import logging
    import warnings

    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    arguments = parse()
    if find_spec("accelerate") is None:
        raise SystemExit("transformers' Trainer needs accelerate: .venv/bin/python -m pip install accelerate")
    with tempfile.TemporaryDirectory() as made:
        folder = arguments.folder or Path(made)
        settings = Settings(
            arguments.clips,
            arguments.batch_size,
            arguments.steps,
            arguments.rounds,
            arguments.precision,
            arguments.workers,
            not arguments.train_all,
            folder,
        )
        if arguments.peak:
            print(json.dumps(peak_of(arguments.peak, settings)))
            return
        names = ["bare", OWN, OWN_COMPUTING, TRAINER, *[TRAINER_NUMPY] * arguments.numpy_rows]
        contenders = {name: make_contender(name, settings) for name in names}
        results = take_turns(contenders, settings.turns)
        peaks = {} if arguments.quick else measure_peaks(list(results), arguments, folder)
        report(results, peaks, settings)
        for name in (OWN, OWN_COMPUTING):
            print(f"{name}: {contenders[name].seconds_before:.1f} s before its first step")


if __name__ == "__main__":
    main()
