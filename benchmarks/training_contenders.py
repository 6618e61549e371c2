"""Who trains in ``benchmarks/training.py``: a bare loop and the application; what all of them share."""

import itertools
import time
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
    """What all contenders share."""

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
        """Folder of the network."""
        return self.folder / "pretrained"

    @property
    def turns(self) -> int:
        """How often each contender is called."""
        return self.rounds + WARM_UP_TURNS

    @property
    def device(self) -> str:
        """What all train on."""
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"


@dataclass
class Turn:
    """What a contender did while it had its turn."""

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
        """Seconds of audio, without padding, per second."""
        return self.audio_seconds / self.seconds


def now(settings: Settings) -> float:
    """The time when the device has done all that it was asked."""
    if settings.device == "cuda":
        import torch

        torch.cuda.synchronize()
    return time.perf_counter()


def lengths_of(clips: int) -> np.ndarray:
    """Samples of each clip: 2 to 12 s, most of them of 4 to 7."""
    return ((2 + 10 * np.random.default_rng(SEED).beta(2.0, 3.2, clips)) * RATE).astype(int)


def make_data_module(settings: Settings) -> Any:  # noqa: ANN401 - imported late
    """The data section of a configuration over clips of noise, prepared."""
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
    """The network that all train on from, with random weights: these cost what trained ones cost."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    torch.manual_seed(SEED)
    Wav2Vec2ForCTC(Wav2Vec2Config(**settings.network)).save_pretrained(settings.pretrained)


def make_model(settings: Settings, *, cache_encoder: bool | None = False) -> Any:  # noqa: ANN401 - imported late
    """The model section of a configuration."""
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
    """Nobody wants further turns."""


class Contender:
    """Trains, and stops where a turn ends until it is given another.

    Args:
        settings: what all contenders share.
        line: to who gives turns; a turn is a message there, and what was done in it one back.
    """

    def __init__(self, settings: Settings, line: Connection) -> None:
        self.settings = settings
        self.line = line
        self.current = Turn()
        self.seconds_before = 0.0  # the first step, where that is told
        self._since = 0.0

    def train(self) -> None:
        """Train for as long as there are turns: call ``start_clock``, and ``end_turn`` where one ends."""
        raise NotImplementedError

    def start_clock(self) -> None:
        """What was done until now does not count."""
        self._since = now(self.settings)

    def end_turn(self) -> None:
        """Hand over; come back when it is this one's turn again."""
        self.current.seconds = now(self.settings) - self._since
        self.line.send(self.current)
        if not self.line.recv():
            raise EndOfRaceError
        self.current = Turn()
        self.start_clock()


class BareLoop(Contender):
    """Forward, loss, backward, clipping and step; nothing else is in the measured time."""

    def train(self) -> None:
        """The application's batches, turn by turn."""
        import torch

        data = make_data_module(self.settings)
        self.model = make_model(self.settings).to(self.settings.device)
        self.trained = [value for value in self.model.network.parameters() if value.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=LR, fused=True)
        order = itertools.chain.from_iterable(
            data.sampler("train", shuffle=True).batches(epoch) for epoch in itertools.count()
        )
        while True:
            chosen = list(itertools.islice(order, self.settings.steps))
            ready = [self._ready(data, indices) for indices in chosen]
            self.start_clock()
            for inputs, *targets in ready:
                self._step(inputs, targets)
            self.end_turn()

    def _step(self, inputs: dict[str, Any], targets: list[Any]) -> None:
        import torch

        labels, frames, num_labels = targets
        with torch.autocast(self.settings.device, torch.bfloat16, "bf16" in self.settings.precision):
            logits = self.model.network(**inputs).logits
        log_probs = logits.float().log_softmax(-1).transpose(0, 1)
        losses = torch.nn.functional.ctc_loss(log_probs, labels, frames, num_labels, reduction="none")
        (losses / num_labels.to(losses.device)).mean().backward()
        torch.nn.utils.clip_grad_norm_(self.trained, CLIP_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _ready(self, data: Any, indices: Any) -> tuple[Any, ...]:  # noqa: ANN401
        """A batch on the device, normalised and padded; counted for this turn."""
        import torch

        from dataset_modules.collate import Collator
        from models.frontend import length_mask

        clips = data.splits["train"]
        batch = Collator(data.vocabulary.blank_id)([clips[(0, int(index))] for index in indices])
        values, lengths = self.model.frontend(batch.waveforms, batch.waveform_lengths)
        self.current.add_lengths(batch.num_samples, values.shape[1])
        device = self.settings.device
        inputs = {
            "input_values": values.to(device),
            "attention_mask": length_mask(lengths, values.shape[1]).long().to(device),
        }
        frames = torch.from_numpy(self.model.num_frames(batch.num_samples))
        return inputs, batch.labels.to(device), frames, batch.label_lengths


class Application(Contender):
    """As ``main.py fit`` trains: data module, LightningModule, Trainer, default callbacks and loggers.

    Args:
        settings: what all contenders share.
        line: to who gives turns.
        cache_encoder: whether what frozen convolutions make of clips is kept; null is the default.
    """

    def __init__(self, settings: Settings, line: Connection, *, cache_encoder: bool | None) -> None:
        super().__init__(settings, line)
        self.cache_encoder = cache_encoder

    def train(self) -> None:
        """More epochs than there are turns for."""
        from lightning.pytorch import Trainer
        from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

        from callbacks import CollapseWatch, LogMetricsCallback

        settings = self.settings
        folder = settings.folder / "application"
        trainer = Trainer(
            default_root_dir=folder,
            accelerator="auto",
            devices=1,
            precision=settings.precision,  # type: ignore[arg-type]
            max_epochs=2 + settings.turns * settings.steps * settings.batch_size // settings.clips,
            limit_val_batches=0,
            gradient_clip_val=CLIP_NORM,
            use_distributed_sampler=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            logger=[TensorBoardLogger(folder, "logs/tensorboard"), CSVLogger(folder, "logs/csv")],
            callbacks=[LogMetricsCallback(), CollapseWatch(), _turn_watch(self)],
            profiler=_loader_clock(self),
        )
        model = make_model(settings, cache_encoder=self.cache_encoder)
        data = make_data_module(settings)
        data.num_frames, data.frozen_encoder = model.num_frames, model.frozen_encoder
        self.start = time.perf_counter()
        trainer.fit(model, datamodule=data)


def _loader_clock(owner: Contender) -> Any:  # noqa: ANN401 - imported late
    """Counts how long the loop waits for batches."""
    from lightning.pytorch.profilers import PassThroughProfiler

    class LoaderClock(PassThroughProfiler):
        def start(self, action_name: str) -> None:
            if action_name.endswith("train_dataloader_next"):
                self.since = time.perf_counter()

        def stop(self, action_name: str) -> None:
            if action_name.endswith("train_dataloader_next"):
                owner.current.loader_wait += time.perf_counter() - self.since

    return LoaderClock()


def _turn_watch(owner: Application) -> Any:  # noqa: ANN401 - imported late
    """Ends turns."""
    from lightning.pytorch import Callback

    class TurnWatch(Callback):
        def on_train_start(self, *_: Any) -> None:  # noqa: ANN401
            owner.seconds_before = time.perf_counter() - owner.start
            owner.start_clock()

        def on_train_batch_end(self, trainer: Any, *arguments: Any) -> None:  # noqa: ANN401
            *_, batch, _ = arguments
            owner.current.add_lengths(batch.num_samples, int(batch.num_samples.max()))
            if trainer.global_step % owner.settings.steps == 0:
                owner.end_turn()

    return TurnWatch()
