"""Measure memory and time of training steps of a Wav2Vec2-base: frozen or not, with gradient checkpointing.

Run: ``python benchmarks/freezing.py``. Each case runs in a separate process; its peak is the
operating system's for the whole process, imports included. The weights are random: they
do not change the cost.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
CASES = {
    "nothing frozen": (False, False, False),
    "feature extractor frozen": (True, False, False),
    "both frozen": (True, True, False),
    "gradient_checkpointing": (False, False, True),
}
UTTERANCES, SECONDS, STEPS = 4, 8, 3


def measure(feature_extractor: bool, transformer: bool, checkpointing: bool) -> dict[str, float]:
    """Train a few steps; return peak memory (MB), the median step time, and the state beside the weights."""
    sys.path.insert(0, str(ROOT))
    import torch

    from benchmarks.peak_memory import peak_megabytes
    from dataset_modules.batches.batch import Batch
    from models import PhonemeRecognizer

    model = PhonemeRecognizer(
        ROOT / "dataset_modules/tokens/russian_phones.json",
        freeze_feature_extractor=feature_extractor,
        freeze_transformer=transformer,
        gradient_checkpointing=checkpointing,
    )
    model.configure_model()
    model.log = lambda *_, **__: None  # type: ignore[method-assign]
    model.train()
    samples = SECONDS * 16000
    batch = Batch(
        torch.randn(UTTERANCES, samples),
        torch.full((UTTERANCES,), samples),
        torch.randint(3, 50, (UTTERANCES, 60)),
        torch.full((UTTERANCES,), 60),
        tuple("abcd"),
    )
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    durations = []
    for step in range(STEPS):
        start = time.perf_counter()
        model.training_step(batch, step).backward()
        optimizer.step()
        optimizer.zero_grad()
        durations.append(time.perf_counter() - start)
    peak = peak_megabytes()
    return {"peak_mb": peak, "step_seconds": statistics.median(durations)}


def main() -> None:
    """Measure every case in a separate process and print the table."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(*json.loads(sys.argv[1]))))
        return
    results = {}
    for name, case in CASES.items():
        command = [sys.executable, __file__, json.dumps(case)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        results[name] = json.loads(done.stdout.splitlines()[-1])
    whole = results["nothing frozen"]
    for name, result in results.items():
        share = result["peak_mb"] / whole["peak_mb"]
        peak, step = result["peak_mb"], result["step_seconds"]
        print(f"{name:26} peak {peak:7.0f} MB ({share:4.0%})   step {step:6.2f} s")


if __name__ == "__main__":
    main()
