"""Transformers' Trainer as a contender of ``benchmarks/training.py``, set up as in its script for CTC."""

import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.training_turns import (
    CLIP_NORM,
    LR,
    RATE,
    SEED,
    Contender,
    Settings,
    lengths_of,
    make_data_module,
    make_model,
)


class TrainerOfTransformers(Contender):
    """The Trainer over a table of extracted features.

    Args:
        settings: the settings of all contenders.
        line: the connection to the process that gives turns.
        numpy_rows: whether the table returns arrays instead of lists.
    """

    def __init__(self, settings: Settings, line: Connection, *, numpy_rows: bool) -> None:
        super().__init__(settings, line)
        self.numpy_rows = numpy_rows

    def train(self) -> None:
        """Train for more steps than the turns need."""
        trainer = build_trainer(self, self.settings, numpy_rows=self.numpy_rows)
        self.start_clock()
        trainer.train()


def build_trainer(owner: Contender, settings: Settings, *, numpy_rows: bool) -> Any:  # noqa: ANN401
    """Build the Trainer over a table of extracted features."""
    from transformers import Trainer, TrainerCallback, Wav2Vec2FeatureExtractor
    from transformers.trainer_pt_utils import LengthGroupedSampler

    extractor = Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)

    class Watch(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
            if state.global_step % settings.steps == 0:
                owner.end_turn()

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

    table = feature_table(settings, make_data_module(settings), extractor)
    return Timed(
        model=plain_network(settings),
        args=_arguments(settings),
        train_dataset=table.with_format("numpy") if numpy_rows else table,
        data_collator=CtcCollator(extractor),
        callbacks=[Watch()],
    )


def plain_network(settings: Settings) -> Any:  # noqa: ANN401 - imported late
    """Build the same network with the same weights by transformers."""
    from transformers import AutoModelForCTC

    ours = make_model(settings).network
    network = AutoModelForCTC.from_config(ours.config)
    network.set_attn_implementation("sdpa")
    network.load_state_dict(ours.state_dict())
    if settings.frozen_convolutions:
        network.freeze_feature_encoder()
    return network


def _arguments(settings: Settings) -> Any:  # noqa: ANN401 - imported late
    """Return the Trainer's arguments; all others keep their defaults."""
    from transformers import TrainingArguments

    return TrainingArguments(
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


def feature_table(settings: Settings, data: Any, extractor: Any) -> Any:  # noqa: ANN401
    """Write ``input_values`` and ``labels`` of every clip to a table on disk."""
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
    """Pads features by their extractor and labels by -100."""

    def __init__(self, extractor: Any) -> None:  # noqa: ANN401
        self.extractor = extractor

    def __call__(self, features: list[dict[str, Any]]) -> Any:  # noqa: ANN401
        """Collate a batch."""
        import torch

        inputs = [{"input_values": feature["input_values"]} for feature in features]
        batch = self.extractor.pad(inputs, padding=True, return_tensors="pt")
        labels = [torch.as_tensor(feature["labels"]) for feature in features]
        batch["labels"] = torch.nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-100)
        return batch
