"""Those who train in ``benchmarks/training.py``: a bare loop, the application, transformers' Trainer."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
    folder: Path

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


def make_model() -> Any:  # noqa: ANN401 - imported late
    """The model section of a configuration."""
    import torch

    from models import PhonemeRecognizer

    torch.manual_seed(SEED)
    model = PhonemeRecognizer(
        VOCABULARY,
        network_config=NETWORK,
        freeze_feature_extractor=False,
        lr=LR,
        optimizer_params={"fused": True},
        seed=SEED,
    )
    model.configure_model()
    return model


class BareLoop:
    """Forward, loss, backward, clipping and step; nothing else is in the measured time."""

    def __init__(self, settings: Settings, data: Any) -> None:  # noqa: ANN401
        import torch

        self.settings, self.data = settings, data
        self.model = make_model().to(settings.device)
        self.network = self.model.network
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=LR, fused=True)
        self.batches = data.sampler("train", shuffle=True).batches(epoch=0)
        self.taken = 0

    def turn(self) -> Turn:
        """The application's batches of the same turn."""
        import torch

        ready = [self._ready(batch) for batch in self.batches[self.taken :][: self.settings.steps]]
        self.taken += self.settings.steps
        turn = Turn()
        for inputs, *_ in ready:
            turn.padded_seconds += inputs["input_values"].numel() / RATE
        start = now(self.settings)
        for inputs, labels, frames, num_labels in ready:
            with torch.autocast(self.settings.device, torch.bfloat16, "bf16" in self.settings.precision):
                logits = self.network(**inputs).logits
            log_probs = logits.float().log_softmax(-1).transpose(0, 1)
            losses = torch.nn.functional.ctc_loss(log_probs, labels, frames, num_labels, reduction="none")
            (losses / num_labels.to(losses.device)).mean().backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
            self.optimizer.step()
            self.optimizer.zero_grad()
        turn.seconds = now(self.settings) - start
        turn.audio_seconds = sum(
            float(self.data.splits["train"].num_samples()[b].sum()) / RATE for b in self._last
        )
        return turn

    def _ready(self, indices: Any) -> tuple[Any, ...]:  # noqa: ANN401
        import torch

        from dataset_modules.collate import Collator
        from models.frontend import length_mask

        self._last = self.batches[self.taken :][: self.settings.steps]
        clips = self.data.splits["train"]
        batch = Collator(self.data.vocabulary.blank_id)([clips[(0, int(index))] for index in indices])
        values, lengths = self.model.frontend(batch.waveforms, batch.waveform_lengths)
        frames = torch.from_numpy(self.model.num_frames(batch.num_samples))
        device = self.settings.device
        inputs = {
            "input_values": values.to(device),
            "attention_mask": length_mask(lengths, values.shape[1]).long().to(device),
        }
        return inputs, batch.labels.to(device), frames, batch.label_lengths


def run_application(settings: Settings, data: Any, between_turns: Callable[[int], None]) -> list[Turn]:  # noqa: ANN401
    """Train as ``main.py fit`` does; at the end of each turn, let others have theirs."""
    from lightning.pytorch import Callback, Trainer
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
    from lightning.pytorch.profilers import PassThroughProfiler

    from callbacks import CollapseWatch, LogMetricsCallback

    turns: list[Turn] = [Turn()]
    started = [0.0]

    class LoaderClock(PassThroughProfiler):
        def start(self, action_name: str) -> None:
            if action_name.endswith("train_dataloader_next"):
                self.since = time.perf_counter()

        def stop(self, action_name: str) -> None:
            if action_name.endswith("train_dataloader_next"):
                turns[-1].loader_wait += time.perf_counter() - self.since

    class Watch(Callback):
        def on_train_start(self, *_: Any) -> None:  # noqa: ANN401
            started[0] = now(settings)

        def on_train_batch_end(self, *arguments: Any) -> None:  # noqa: ANN401
            *_, batch, batch_idx = arguments
            turns[-1].add_lengths(batch.num_samples, batch.waveforms.shape[1])
            if (batch_idx + 1) % settings.steps == 0:
                turns[-1].seconds = now(settings) - started[0]
                between_turns(len(turns) - 1)
                turns.append(Turn())
                started[0] = now(settings)

    folder = settings.folder / "application"
    trainer = Trainer(
        default_root_dir=folder,
        accelerator="auto",
        devices=1,
        precision=settings.precision,  # type: ignore[arg-type]
        max_epochs=1,
        limit_train_batches=settings.steps * settings.turns,
        limit_val_batches=0,
        gradient_clip_val=CLIP_NORM,
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        logger=[TensorBoardLogger(folder, "logs/tensorboard"), CSVLogger(folder, "logs/csv")],
        callbacks=[LogMetricsCallback(), CollapseWatch(), Watch()],
        profiler=LoaderClock(),
    )
    trainer.fit(make_model(), datamodule=data)
    return turns[: settings.turns]


class TrainerOfTransformers:
    """The Trainer, in a thread of its own that goes on only while it has its turn."""

    def __init__(self, settings: Settings, data: Any, *, numpy_rows: bool) -> None:  # noqa: ANN401
        self.settings = settings
        self.go, self.done = threading.Semaphore(0), threading.Semaphore(0)
        self.current = Turn()
        self.failure: BaseException | None = None
        self.start = 0.0
        self.trainer = build_trainer(self, settings, data, numpy_rows=numpy_rows)
        threading.Thread(target=self._run, daemon=True).start()

    def turn(self) -> Turn:
        """Let it make its steps."""
        self.current = Turn()
        self.go.release()
        self.done.acquire()
        if self.failure is not None:
            raise self.failure
        return self.current

    def _run(self) -> None:
        self.go.acquire()
        self.start = now(self.settings)
        try:
            self.trainer.train()
        except BaseException as error:
            self.failure = error
            self.done.release()

    def steps_done(self) -> None:
        """Its turn is over; wait for the next."""
        self.current.seconds = now(self.settings) - self.start
        self.done.release()
        self.go.acquire()
        self.start = now(self.settings)


def build_trainer(owner: TrainerOfTransformers, settings: Settings, data: Any, *, numpy_rows: bool) -> Any:  # noqa: ANN401
    """The Trainer over a table of extracted features."""
    from transformers import Trainer, TrainerCallback, TrainingArguments, Wav2Vec2FeatureExtractor
    from transformers.trainer_pt_utils import LengthGroupedSampler

    extractor = Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)

    class Watch(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
            if state.global_step % settings.steps == 0:
                owner.steps_done()

    class Timed(Trainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler:  # noqa: ANN401
            # Its own, over lengths that are at hand: from the table it reads every row whole to learn them.
            return LengthGroupedSampler(settings.batch_size, lengths=lengths_of(settings.clips).tolist())

        def get_batch_samples(self, *arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401
            start = time.perf_counter()
            samples = super().get_batch_samples(*arguments, **keywords)
            owner.current.loader_wait += time.perf_counter() - start
            for batch in samples[0]:
                mask = batch["attention_mask"]
                owner.current.add_lengths(mask.sum(-1).tolist(), mask.shape[1])
            return samples

    arguments = TrainingArguments(
        output_dir=str(settings.folder / "trainer"),
        per_device_train_batch_size=settings.batch_size,
        max_steps=settings.steps * settings.turns + 1,
        learning_rate=LR,
        max_grad_norm=CLIP_NORM,
        train_sampling_strategy="group_by_length",
        dataloader_num_workers=settings.workers,
        bf16="bf16" in settings.precision,
        use_cpu=settings.device == "cpu",
        save_strategy="no",
        report_to="none",
        seed=SEED,
    )
    table = feature_table(settings, data, extractor)
    return Timed(
        model=make_model().network,
        args=arguments,
        train_dataset=table.with_format("numpy") if numpy_rows else table,
        data_collator=CtcCollator(extractor),
        callbacks=[Watch()],
    )


def feature_table(settings: Settings, data: Any, extractor: Any) -> Any:  # noqa: ANN401
    """``input_values`` and ``labels`` of every clip, on disk, as scripts prepare them."""
    import datasets

    clips = data.splits["train"]

    def rows() -> Iterator[dict[str, Any]]:
        for index in range(len(clips)):
            example = clips[(0, index)]
            values = extractor(example.waveform, sampling_rate=RATE).input_values[0]
            yield {"input_values": values, "labels": example.labels}

    features = datasets.Features(
        input_values=datasets.List(datasets.Value("float32")),
        labels=datasets.List(datasets.Value("int64")),
    )
    datasets.disable_progress_bars()
    return datasets.Dataset.from_generator(rows, features, cache_dir=str(settings.folder / "datasets"))


class CtcCollator:
    """Pads features with their extractor and labels with -100, as CTC scripts do."""

    def __init__(self, extractor: Any) -> None:  # noqa: ANN401
        self.extractor = extractor

    def __call__(self, features: list[dict[str, Any]]) -> Any:  # noqa: ANN401
        """One batch of these."""
        import torch

        inputs = [{"input_values": feature["input_values"]} for feature in features]
        batch = self.extractor.pad(inputs, padding=True, return_tensors="pt")
        labels = [torch.as_tensor(feature["labels"]) for feature in features]
        batch["labels"] = torch.nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-100)
        return batch
