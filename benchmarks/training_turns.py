"""Data, network, turns and clock of the contenders of ``benchmarks/training.py``."""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
RATE, SEED, CLIP_NORM, LR = 16000, 0, 1.0, 1e-4
VOCABULARY = ROOT / "dataset_modules/tokens/russian_phones.json"
PHONEMES_PER_SECOND = 10
NETWORK = {
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_dim": [64] * 7,
    "hidden_size": 192,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 768,
    "layerdrop": 0.0,
    "apply_spec_augment": False,
}
QUICK_NETWORK = NETWORK | {
    "conv_dim": [32] * 7,
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "intermediate_size": 512,
}
WARM_UP_TURNS = 1


@dataclass(frozen=True)
class Settings:
    """The settings of all contenders."""

    clips: int
    batch_size: int
    steps: int  # of a turn
    rounds: int
    precision: str
    workers: int
    frozen_convolutions: bool
    network: dict[str, Any]
    folder: Path

    @property
    def pretrained(self) -> Path:
        """Return the folder of the network."""
        return self.folder / "pretrained"

    @property
    def turns(self) -> int:
        """Return the number of turns of each contender."""
        return self.rounds + WARM_UP_TURNS

    @property
    def device(self) -> str:
        """Return the device of all contenders."""
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"


@dataclass
class Turn:
    """The work of a contender in one turn."""

    seconds: float = 0.0
    audio_seconds: float = 0.0
    padded_seconds: float = 0.0
    loader_wait: float = 0.0

    def add_lengths(self, num_samples: Any, padded_to: int) -> None:  # noqa: ANN401 - a list or an array
        """Count a batch."""
        self.audio_seconds += float(sum(num_samples)) / RATE
        self.padded_seconds += padded_to * len(num_samples) / RATE

    @property
    def throughput(self) -> float:
        """Return the seconds of audio per second, without padding."""
        return self.audio_seconds / self.seconds


def now(settings: Settings) -> float:
    """Return the time after the device has finished its work."""
    if settings.device == "cuda":
        import torch

        torch.cuda.synchronize()
    return time.perf_counter()


def lengths_of(clips: int) -> np.ndarray:
    """Return the number of samples of each clip: 2 to 12 s, most of them 4 to 7 s."""
    return ((2 + 10 * np.random.default_rng(SEED).beta(2.0, 3.2, clips)) * RATE).astype(int)


def make_data_module(settings: Settings) -> Any:  # noqa: ANN401 - imported late
    """Build and prepare the data section of a configuration over clips of noise."""
    from benchmarks.noise_dataset import NoiseDataset
    from dataset_modules.datamodule import PhonemeDataModule

    dataset = NoiseDataset(
        [int(length) for length in lengths_of(settings.clips)], PHONEMES_PER_SECOND, settings.folder / "cache"
    )
    data = PhonemeDataModule(
        [dataset],
        VOCABULARY,
        language="ru",
        batch_size=settings.batch_size,
        num_workers=settings.workers,
        num_proc=2,
        seed=SEED,
    )
    data.prepare_data()
    data.setup("fit")
    return data


def save_pretrained_network(settings: Settings) -> None:
    """Save the initial network, with random weights: they cost as much as trained ones."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    torch.manual_seed(SEED)
    Wav2Vec2ForCTC(Wav2Vec2Config(**settings.network)).save_pretrained(settings.pretrained)


def make_model(settings: Settings, *, cache_encoder: bool | None = False) -> Any:  # noqa: ANN401 - imported late
    """Build the model section of a configuration."""
    import torch

    from models import PhonemeRecognizer

    torch.manual_seed(SEED)
    model = PhonemeRecognizer(
        VOCABULARY,
        pretrained_name=str(settings.pretrained),
        freeze_feature_extractor=settings.frozen_convolutions,
        cache_encoder=cache_encoder,
        lr=LR,
        optimizer_params={"fused": True},
        seed=SEED,
    )
    model.configure_model()
    return model


class EndOfRaceError(Exception):
    """The race is over."""


class Contender(ABC):
    """Trains, and waits at the end of each turn for the next.

    Args:
        settings: the settings of all contenders.
        line: the connection to the process that gives turns; a message begins a turn, the answer
            is its work.
    """

    def __init__(self, settings: Settings, line: Connection) -> None:
        self.settings = settings
        self.line = line
        self.current = Turn()
        self.seconds_before = 0.0  # the first step, where it is reported
        self._since = 0.0

    @abstractmethod
    def train(self) -> None:
        """Train while there are turns: call ``start_clock`` first, and ``end_turn`` at the end of each."""

    def start_clock(self) -> None:
        """Leave out the work until now."""
        self._since = now(self.settings)

    def end_turn(self) -> None:
        """Send the work of this turn; return when the next one begins."""
        self.current.seconds = now(self.settings) - self._since
        self.line.send(self.current)
        if not self.line.recv():
            raise EndOfRaceError
        self.current = Turn()
        self.start_clock()
