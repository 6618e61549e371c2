"""Measure how long training takes to its first step, and its memory, by the rows of a manifest.

Run: ``python benchmarks/large_manifest.py`` (``--rows 100000`` for a quick look; a million takes a quarter of
an hour once, because every recording is prepared). Each thousand rows have a folder, in which one short
WAV is linked under a thousand names. The first run prepares the cache, the second one is measured: ``main.py
fit`` with a tiny network, on a processor, without loader workers. The same is done for a thousand rows,
whose time and memory are those of the libraries.

Seconds are those of the processor, imports included, and of the clock. Memory is the peak of what the
process has allocated; pages of the mapped cache, which the system can drop, do not count.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
IN_A_FOLDER, SPEAKERS, FEW = 1000, 500, 1000
PHONEMES = list("aeioupktbdgmnszlrfvx")
MOST_SECONDS, MOST_GIGABYTES = 60.0, 0.5  # for a million rows, beyond a thousand


def make_manifest(folder: Path, rows: int) -> Path:
    """Link the recordings and write their table, unless it is there."""
    import numpy as np
    import soundfile

    table = folder / "metadata.tsv"
    if table.is_file():
        return folder
    draw, noise = random.Random(0), np.random.default_rng(0)
    lines = ["file_name\tphonemes\tspeaker\tsplit"]
    for row in range(rows):
        below = folder / "clips" / f"{row // IN_A_FOLDER:04d}"
        path = below / f"{row:07d}.wav"
        if row % IN_A_FOLDER == 0:
            below.mkdir(parents=True, exist_ok=True)
            first = path
            soundfile.write(first, noise.normal(size=3200) * 0.1, 16000, subtype="PCM_16")
        else:
            path.unlink(missing_ok=True)
            os.link(first, path)
        label, speaker = " ".join(draw.choices(PHONEMES, k=4)), f"speaker{row % SPEAKERS}"
        split = "train" if row % 100 else ("val" if row % 200 else "test")
        lines.append(f"{path.relative_to(folder)}\t{label}\t{speaker}\t{split}")
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def configuration(folder: Path, work: Path) -> Path:
    """Write the configuration of the run."""
    import yaml

    vocabulary = work / "vocabulary.json"
    vocabulary.write_text(json.dumps({token: number for number, token in enumerate(["[PAD]", *PHONEMES])}))
    network = {"num_hidden_layers": 1, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32}
    convolutions = {"conv_dim": [32] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
    options = {"train_val_dir": str(folder), "cache_dir": str(work / "cache"), "text_to_phonemes": "none"}
    dataset = {"class_path": "dataset_modules.custom.CustomAudioDataset", "init_args": options}
    ends = {"class_path": "benchmarks.first_step.EndsAfterFirstStep"}
    content = {
        "custom_folder_name": f"rows_{folder.name}",
        "model": {"vocab_file": str(vocabulary), "network_config": network | convolutions},
        "data": {"batch_size": 8, "num_proc": 1, "num_workers": 0, "dataset_classes": [dataset]},
        "trainer": {
            **{"accelerator": "cpu", "max_steps": 2, "num_sanity_val_steps": 0, "callbacks": [ends]},
            **{"default_root_dir": str(work), "enable_progress_bar": False, "enable_model_summary": False},
        },
    }
    path = work / f"{folder.name}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def first_step(config: Path) -> dict[str, float]:
    """Train one step in a process; return its time and its peak of memory."""
    note = config.with_suffix(".json")
    note.unlink(missing_ok=True)
    variables = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "FIRST_STEP_NOTE": str(note)}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "main.py", "fit", "--config", str(config)],
        **{"cwd": ROOT, "env": {**os.environ, **variables}, "capture_output": True, "text": True},
        check=False,
    )
    if not note.is_file():
        sys.exit(done.stderr)
    return {"clock": time.monotonic() - started, **json.loads(note.read_text())}


def main() -> None:
    """Prepare and measure both sizes, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--work", type=Path, default=ROOT / "data" / "benchmarks" / "large_manifest")
    options = parser.parse_args()
    measured = {}
    for rows in (FEW, options.rows):
        folder = make_manifest(options.work / str(rows), rows)
        config = configuration(folder, options.work)
        prepared = first_step(config)
        measured[rows] = first_step(config)
        print(f"{rows:,} rows: prepared in {prepared['clock']:.0f} s, then", end=" ")
        print(", ".join(f"{name} {value:.2f}" for name, value in measured[rows].items()), flush=True)
    few, many = measured.values()
    share = options.rows / 1_000_000
    seconds, gigabytes = many["processor"], many["gigabytes"] - few["gigabytes"]
    print(f"to the first step: {seconds:.1f} s (at most {MOST_SECONDS:.0f} for a million rows)")
    print(f"beyond {FEW} rows: {gigabytes:.2f} GB (at most {MOST_GIGABYTES * share:.2f})")
    ten_millions = few["processor"] + (seconds - few["processor"]) / options.rows * 1e7
    print(f"by calculation for 10⁷ rows: {ten_millions:.0f} s, {gigabytes / share * 10:.1f} GB")


if __name__ == "__main__":
    main()
