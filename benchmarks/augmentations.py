"""Compare the augmentation pipeline with calling audiomentations alone.

Run: ``python benchmarks/augmentations.py [ROUNDS]``. The seven transforms of the reference configuration
(``tests/reference.yaml``), on clips of 2 to 12 s in memory; noises and impulse responses are made at
44.1 kHz in a temporary folder. Every batch of eight goes through all arms one after another, with the same
draws, so that the arms do the same work (the audio is compared); their order changes with the batch. For each
batch and arm the median over the rounds is taken; the sums of the medians over the batches are compared.
"""

import contextlib
import hashlib
import logging
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from dataset_modules.augmentations import (  # noqa: E402
    AddBackgroundNoiseWrapper,
    AugmentationPipeline,
    kept_random_state,
)
from dataset_modules.augmentations.nesting import leaves  # noqa: E402
from dataset_modules.augmentations.sound_store import SoundStore  # noqa: E402

RATE, SOUND_RATE, SEED, NUM_CLIPS, BATCH, BOUND = 16000, 44100, 3, 40, 8, 1.05
SOUNDS = ("as they are", "resampled once")
Arm = Callable[[np.ndarray, int], np.ndarray]


def make_sounds(folder: Path) -> None:
    """Write noises of 5 s in ESC-50's layout, and stereo impulse responses of 1 s."""
    generator = np.random.default_rng(SEED)
    for name in ("noises", "rooms"):
        (folder / name).mkdir()
    for number in range(40):
        noise = np.cumsum(generator.standard_normal(5 * SOUND_RATE)) * 1e-3
        soundfile.write(folder / "noises" / f"{number}.wav", np.tanh(noise), SOUND_RATE)
    decay = np.exp(-np.arange(SOUND_RATE) / (0.1 * SOUND_RATE))[:, None]
    for number in range(8):
        room = 0.1 * generator.standard_normal((SOUND_RATE, 2)) * decay
        soundfile.write(folder / "rooms" / f"{number}.wav", room, SOUND_RATE)


def make_clips() -> list[np.ndarray]:
    """Return clips of noise whose level varies like that of syllables."""
    generator = np.random.default_rng(SEED)
    clips = []
    for seconds in np.linspace(2.0, 12.0, NUM_CLIPS):
        times = np.arange(int(seconds * RATE)) / RATE
        swell = 0.1 * np.abs(np.sin(2 * np.pi * 2.0 * times))
        clips.append((swell * generator.standard_normal(len(times))).astype(np.float32))
    return clips


def reference_transforms(folder: Path) -> list:
    """Build the transforms of the reference configuration over these sounds."""
    import audiomentations

    section = yaml.safe_load((ROOT / "tests" / "reference.yaml").read_text(encoding="utf-8"))
    paths = {"sounds_path": folder / "noises", "ir_path": folder / "rooms"}
    transforms = []
    for entry in section["data"]["augmentations"]:
        name = entry["class_path"].rpartition(".")[2]
        made = getattr(audiomentations, name, AddBackgroundNoiseWrapper)
        transforms.append(made(**{key: paths.get(key, value) for key, value in entry["init_args"].items()}))
    return transforms


def alone(transforms: list) -> Arm:
    """Return a call of audiomentations' transforms in order; seeding is not timed."""

    def apply(waveform: np.ndarray, index: int) -> np.ndarray:
        for transform in transforms:
            waveform = transform(waveform, RATE)
        return waveform

    return apply


def seed_as_pipeline(index: int) -> None:
    """Seed the draws as the pipeline does for this clip."""
    value = int.from_bytes(hashlib.blake2b(f"{SEED}|0|{index}".encode(), digest_size=4).digest())
    random.seed(value)
    np.random.seed(value)


def time_round(clips: list[np.ndarray], arms: dict[str, Arm], turn: int) -> dict[str, list[float]]:
    """Return the processor seconds of each arm for each batch; other work on the machine does not count."""
    spent: dict[str, list[float]] = {name: [] for name in arms}
    for first in range(0, len(clips), BATCH):
        batch = range(first, min(first + BATCH, len(clips)))
        shift = (first // BATCH + turn) % len(arms)
        names = list(arms)[shift:] + list(arms)[:shift]
        for name in names:
            spent[name].append(time_batch([clips[index] for index in batch], batch, arms[name]))
    return spent


def time_batch(clips: list[np.ndarray], indices: range, arm: Arm) -> float:
    """Time a batch as the loader reads it, including what the pipeline computes once per batch."""
    clips = [clip.copy() for clip in clips]
    is_alone = not isinstance(arm, Piped)
    spent = 0.0
    start = time.thread_time()
    with contextlib.nullcontext() if is_alone else kept_random_state():
        for clip, index in zip(clips, indices, strict=True):
            if is_alone:
                spent -= time.thread_time()
                seed_as_pipeline(index)
                spent += time.thread_time()
            arm(clip, index)
    return time.thread_time() - start - (spent if is_alone else 0.0)


def main() -> None:
    """Time the rounds and print medians and ratios."""
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore")
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    clips = make_clips()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_sounds(folder)
        arms = make_arms(folder)
        check_same_audio(clips, arms)
        times = [time_round(clips, arms, turn) for turn in range(rounds)]
    typical = {name: _typical([row[name] for row in times]) for name in arms}
    for name, seconds in typical.items():
        print(f"{name:34} {1000 * seconds / len(clips):7.2f} ms a clip")
    for sounds in SOUNDS:
        ratio = typical[f"pipeline, sounds {sounds}"] / typical[f"alone, sounds {sounds}"]
        verdict = "holds" if ratio <= BOUND else "does NOT hold"
        print(f"pipeline / alone, sounds {sounds:14} {ratio:6.3f}   bound {BOUND}: {verdict}")
    whole = typical["pipeline, sounds resampled once"] / typical["alone, sounds as they are"]
    print(f"pipeline as it trains / alone as it comes  {whole:6.3f}")


def check_same_audio(clips: list[np.ndarray], arms: dict[str, Arm]) -> None:
    """Check that both callers give the same audio, and warm them up."""
    for sounds in SOUNDS:
        for index, clip in enumerate(clips):
            outputs = []
            for caller in ("alone", "pipeline"):
                seed_as_pipeline(index)
                outputs.append(arms[f"{caller}, sounds {sounds}"](clip.copy(), index))
            np.testing.assert_array_equal(*outputs)


def make_arms(folder: Path) -> dict[str, Arm]:
    """Build both callers, over original sounds and over resampled ones."""
    store = SoundStore(folder / "cache", RATE)
    arms: dict[str, Arm] = {}
    for sounds in SOUNDS:
        for caller in ("alone", "pipeline"):
            pipeline = AugmentationPipeline(reference_transforms(folder), SEED)
            if sounds == "resampled once":
                store.prepare(pipeline.sound_files(), 2)
                pipeline.read_sounds_from(store.copies(pipeline.sound_files()))
            pipeline.warm_up(RATE)
            arms[f"{caller}, sounds {sounds}"] = (
                alone(list(leaves(pipeline.transforms))) if caller == "alone" else Piped(pipeline)
            )
    return arms


class Piped:
    """The pipeline, called in the way of the data set."""

    def __init__(self, pipeline: AugmentationPipeline) -> None:
        self.pipeline = pipeline

    def __call__(self, waveform: np.ndarray, index: int) -> np.ndarray:
        """Augment the clip as epoch 0 does."""
        return self.pipeline(waveform, RATE, 0, index)


def _typical(rounds: list[list[float]]) -> float:
    """Return the sum over the batches of their median times."""
    return sum(statistics.median(batch) for batch in zip(*rounds, strict=True))


if __name__ == "__main__":
    main()
