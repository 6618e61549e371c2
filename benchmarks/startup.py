"""Time the start of the command line beside the bare import of its two libraries.

Run: ``python benchmarks/startup.py [ROUNDS]``. Each round starts every command once, in turn; ratios
are taken within a round.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORTS = "from lightning.pytorch.cli import LightningCLI; import transformers"


def commands(mistaken: Path) -> dict[str, list[str]]:
    """Return the commands to time; the first is the reference."""
    main = [sys.executable, "main.py"]
    return {
        "importing LightningCLI and transformers": [sys.executable, "-c", IMPORTS],
        "main.py --help": [*main, "--help"],
        "a configuration mistake": [*main, "fit", "--config", str(mistaken)],
    }


def seconds(command: list[str]) -> float:
    """Return the wall time of one run."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    return time.perf_counter() - start


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
        print(f"{name:42} {median:6.2f} s   {ratio:5.2f} ×")


if __name__ == "__main__":
    main()
