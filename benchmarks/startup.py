"""Time the start of commands beside the bare import of the two libraries that training needs.

Run: ``python benchmarks/startup.py [ROUNDS]``. Each round starts every command once, in turn; ratios
are taken within a round. Seconds are those of the processor, the commands' own and the system's for them.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORTS = "from lightning.pytorch.cli import LightningCLI; import transformers"


def commands(mistaken: Path) -> dict[str, list[str]]:
    """Return the commands to time; the first is the reference."""
    main = [sys.executable, "main.py"]
    modules = {
        "report: all that it imports": "experiment.contents, reports.experiment_page",
        "transcribe: all that it imports": "inference.acoustic_model, inference.decoding.beam_search",
        "lm, vocabulary --config: all that they import": "cli.configuration.configured_datasets",
    }
    return {
        "importing LightningCLI and transformers": [sys.executable, "-c", IMPORTS],
        "main.py --help": [*main, "--help"],
        "main.py --version": [*main, "--version"],
        "main.py train --help": [*main, "train", "--help"],
        "main.py transcribe --help": [*main, "transcribe", "--help"],
        "main.py vocabulary --help": [*main, "vocabulary", "--help"],
        "a misspelt key": [*main, "fit", "--config", str(mistaken)],
        "a wrong type": [*main, "fit", "--config", "config/demo.yaml", "--data.batch_size", "many"],
        "a missing file": [*main, "fit", "--config", "nowhere.yaml"],
        **{name: [sys.executable, "-c", f"import {names}"] for name, names in modules.items()},
    }


def seconds(command: list[str]) -> float:
    """Return the processor's time of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Time the rounds and print medians and ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        mistaken = Path(folder) / "mistaken.yaml"
        demo = (ROOT / "config/demo.yaml").read_text(encoding="utf-8")
        mistaken.write_text(demo.replace("batch_size:", "batchsize:"), encoding="utf-8")
        timed = commands(mistaken)
        times = [{name: seconds(command) for name, command in timed.items()} for _ in range(rounds)]
    yardstick = next(iter(timed))
    for name in timed:
        median = statistics.median(row[name] for row in times)
        ratio = statistics.median(row[name] / row[yardstick] for row in times)
        print(f"{name:46} {median:6.2f} s   {ratio:5.2f} ×")


if __name__ == "__main__":
    main()
