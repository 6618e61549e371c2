"""Contenders of ``benchmarks/training.py`` beside transformers' Trainer: a bare loop and the application."""

import itertools
import time
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.training_turns import (
    CLIP_NORM,
    LR,
    Contender,
    Settings,
    make_data_module,
    make_model,
)


class BareLoop(Contender):
    """Forward, loss, backward, clipping and step; nothing else is in the measured time."""

    def train(self) -> None:
        """Train on the application's batches, turn by turn."""
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
        """Move a batch to the device, normalised and padded, and count it for this turn."""
        import torch

        from dataset_modules.batches.loading import Collator
        from models.network.frontend import length_mask

        clips = data.splits["train"]
        batch = Collator(data.vocabulary.blank_id)([clips[(0, int(index))] for index in indices])
        values = self.model.frontend(batch.waveforms, batch.waveform_lengths).values
        self.current.add_lengths(batch.num_samples, values.shape[1])
        device = self.settings.device
        inputs = {
            "input_values": values.to(device),
            "attention_mask": length_mask(batch.waveform_lengths, values.shape[1]).long().to(device),
        }
        frames = torch.from_numpy(self.model.num_frames(batch.num_samples))
        return inputs, batch.labels.to(device), frames, batch.label_lengths


class Application(Contender):
    """The parts of ``main.py fit``: data module, LightningModule, Trainer, default callbacks and loggers.

    Args:
        settings: the settings of all contenders.
        line: the connection to the process that gives turns.
        cache_encoder: whether features of frozen convolutions are cached; null is the default.
    """

    def __init__(self, settings: Settings, line: Connection, *, cache_encoder: bool | None) -> None:
        super().__init__(settings, line)
        self.cache_encoder = cache_encoder

    def train(self) -> None:
        """Train for more epochs than the turns need."""
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
        data.connect(model.interface)
        self.start = time.perf_counter()
        trainer.fit(model, datamodule=data)


def _loader_clock(owner: Contender) -> Any:  # noqa: ANN401 - imported late
    """Yield batches, and count the waiting time for them."""
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
    """Return a callback that ends turns."""
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
