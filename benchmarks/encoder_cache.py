"""Time head-only training on the demo's data with and without the encoder cache.

Run: ``python benchmarks/encoder_cache.py``. The encoder is that of Wav2Vec2-base, as heads are trained on
pretrained encoders, over 200 of the demo's clips; ``--small`` takes the demo's own network and all 4,000.
Both runs go through the command line as users start it, with the same seed, batches and steps, and validate
after every epoch; their encoder has random weights, which cost what trained ones cost. Times are of whole
epochs with their validation, first epochs left out.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer

ROOT = Path(__file__).parents[1]
BASE = {
    "network_name": "Wav2Vec2",
    "network_config": {"feat_extract_norm": "layer", "do_stable_layer_norm": True},
}


class EpochClock(Callback):
    """Writes the duration and metrics of each epoch, its validation included.

    Args:
        path: the JSON file.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.epochs: list[dict[str, Any]] = []
        self.start = 0.0

    def on_train_epoch_start(self, *_: object) -> None:
        """Start the clock."""
        self.start = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, *_: object) -> None:
        """Record the epoch."""
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        metrics = {name: repr(float(trainer.callback_metrics[name])) for name in ("val_per", "val_loss")}
        self.epochs.append({"seconds": time.perf_counter() - self.start, **metrics})
        self.path.write_text(json.dumps(self.epochs))


def train(folder: Path, arguments: argparse.Namespace, *, cached: bool) -> list[dict[str, Any]]:
    """Train by the command line; return the clock's epochs."""
    from cli.run import run

    name = "cached" if cached else "uncached"
    clock = folder / f"{name}.json"
    model = {} if arguments.small else BASE
    options = {
        "custom_folder_name": name,
        "trainer.default_root_dir": folder,
        "trainer.max_epochs": arguments.epochs,
        "model.freeze_feature_extractor": "true",
        "model.freeze_transformer": "true",
        "model.cache_encoder": str(cached).lower(),
        "model.network_config": json.dumps(model["network_config"]) if model else None,
        "model.network_name": model.get("network_name"),
        "data.dataset_classes": json.dumps(_dataset(folder, arguments.clips)),
        "trainer.callbacks+": json.dumps(
            {"class_path": "benchmarks.encoder_cache.EpochClock", "init_args": {"path": str(clock)}}
        ),
    }
    given = [f"--{key}={value}" for key, value in options.items() if value is not None]
    status = run(["fit", "--config", str(ROOT / "config/demo.yaml"), *given])
    if status:
        raise SystemExit(status)
    return json.loads(clock.read_text())


def _dataset(folder: Path, clips: int) -> list[dict[str, Any]]:
    counts = {"num_train": clips, "num_val": 100, "num_test": 10, "cache_dir": str(folder / "cache")}
    return [{"class_path": "dataset_modules.synthetic.SyntheticSpeechDataset", "init_args": counts}]


def main() -> None:
    """Train both ways and compare."""
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, help="of the training split")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="the demo's network")
    arguments = parser.parse_args()
    arguments.clips = arguments.clips or (4000 if arguments.small else 200)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        cached = train(Path(folder), arguments, cached=True)
        whole = time.perf_counter() - start
        size = sum(path.stat().st_size for path in Path(folder).rglob("states.float32"))
        uncached = train(Path(folder), arguments, cached=False)
    print(f"{'epoch':>6}{'cached s':>10}{'val_per':>22}{'without s':>11}{'val_per':>22}")
    for number, (one, other) in enumerate(zip(cached, uncached, strict=True)):
        print(
            f"{number:6}{one['seconds']:10.2f}{one['val_per']:>22}{other['seconds']:11.2f}{other['val_per']:>22}"
        )
    medians = [statistics.median(epoch["seconds"] for epoch in run[1:]) for run in (cached, uncached)]
    same = [epoch["val_per"] for epoch in cached] == [epoch["val_per"] for epoch in uncached]
    print(f"epochs from the cache: {medians[1] / medians[0]:.1f} times as fast; val_per the same: {same}")
    print(f"the cache takes {size / 1e6:.0f} MB; the cached run in all: {whole:.0f} s")


if __name__ == "__main__":
    main()
