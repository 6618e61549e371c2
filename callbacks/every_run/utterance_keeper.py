"""Keeps the hypothesis of each evaluated utterance in the experiment's folder."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from dataset_modules.base_dataset import Split
from dataset_modules.batches.batch import Batch
from dataset_modules.cache.clip_store import PreparedClip
from dataset_modules.datamodule import PhonemeDataModule
from evaluation.metrics import gather_from_processes
from evaluation.signal_to_noise import signal_to_noise_db
from evaluation.utterance_record import Span, UtteranceRecord, write_records
from evaluation.worst_utterances import keep_audio
from experiment.layout import audio_folder, records_file
from models import PhonemeRecognizer
from models.ctc.forced_alignment import AlignedToken, AlignmentError, align
from models.ctc.greedy import TimedToken, blank_share, greedy_tokens
from models.network.frames import frame_clock, token_times

log = logging.getLogger(__name__)

_Records = dict[int, UtteranceRecord]  # by place in the split


class UtteranceKeeper(Callback):
    """Writes one JSON-lines file per evaluated split; validations during training write none."""

    def __init__(self) -> None:
        self._records: _Records = {}

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401 - Lightning's type
        batch: Any,  # noqa: ANN401 - Lightning's type
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the utterances of the batch."""
        if not _is_evaluation(trainer) or not isinstance(pl_module, PhonemeRecognizer):
            return
        data: PhonemeDataModule = trainer.datamodule  # type: ignore[attr-defined]
        describe = Describer(pl_module, data.audio_params.sampling_rate)
        clips = data.splits[_split(trainer)]
        for row, scores, labels in _utterances(batch, outputs):
            self._records[row] = describe(clips.clip(row), _split(trainer), scores, labels)

    on_validation_batch_end = on_test_batch_end

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the records of the split."""
        if not _is_evaluation(trainer):
            return
        records = _of_all_processes(self._records)
        self._records = {}
        if not records or not trainer.is_global_zero:
            return
        try:
            _write_split(trainer, _split(trainer), records)
        except (OSError, RuntimeError, ValueError) as error:  # the metrics are complete without them
            log.warning("%s: the records of utterances could not be written: %s", _split(trainer), error)

    on_validation_end = on_test_end


def _split(trainer: Trainer) -> Split:
    return "test" if trainer.state.fn == "test" else "val"


def _write_split(trainer: Trainer, split: Split, records: _Records) -> None:
    """Write the records in the split's order, and the audio of the worst."""
    data: PhonemeDataModule = trainer.datamodule  # type: ignore[attr-defined]
    folder, clips = Path(trainer.default_root_dir), data.splits[split]
    rows = sorted(records)
    kept = keep_audio(
        audio_folder(folder, split),
        [records[row] for row in rows],
        lambda place: clips.clip(rows[place]).samples,
        data.audio_params.sampling_rate,
    )
    write_records(records_file(folder, split), kept)


def _is_evaluation(trainer: Trainer) -> bool:
    """Return whether to keep records: not in training, fast development runs and trials of a search."""
    if trainer.state.fn not in ("validate", "test") or getattr(trainer, "fast_dev_run", False):
        return False
    return not any(getattr(callback, "figures_only", False) for callback in getattr(trainer, "callbacks", ()))


def _utterances(batch: Batch, outputs: Mapping[str, Tensor]) -> Iterator[tuple[int, Tensor, list[int]]]:
    """Yield each utterance's place in the split, scores without padding (F, V), and labels."""
    lengths = zip(outputs["frames"].tolist(), batch.label_lengths.tolist(), strict=True)
    # One copy to the CPU: what follows processes utterance by utterance.
    whole, labels = outputs["log_probs"].cpu(), batch.labels.tolist()
    for place, (row, (frames, length)) in enumerate(zip(batch.rows, lengths, strict=True)):
        yield row, whole[place, :frames], labels[place][:length]


def _of_all_processes(records: _Records) -> _Records:
    """Merge the records of all ranks; an utterance that several evaluated occurs once."""
    return {row: record for part in gather_from_processes(records) for row, record in part.items()}


class Describer:
    """Turns the scores of an utterance into its record."""

    def __init__(self, model: PhonemeRecognizer, sampling_rate: int) -> None:
        self._vocabulary = model.vocabulary
        self._sampling_rate = sampling_rate
        self._clock = frame_clock(model.network_configuration, model.frontend.grid, sampling_rate)

    def __call__(
        self, clip: PreparedClip, split: str, log_probs: Tensor, labels: list[int]
    ) -> UtteranceRecord:
        """Describe a clip; the scores are without padding, (F, V)."""
        blank_id, frames = self._vocabulary.blank_id, len(log_probs)
        hypothesis = greedy_tokens(log_probs, blank_id)
        blanks, _ = blank_share(log_probs[None], log_probs.new_tensor([frames]).long(), blank_id)
        reference = tuple(self._vocabulary.decode(labels))
        seconds = len(clip.samples) / self._sampling_rate
        times, confidences = self._align(log_probs, labels, seconds)
        return UtteranceRecord(
            id=clip.id,
            split=split,
            reference=reference,
            hypothesis=tuple(self._vocabulary.decode(token.token_id for token in hypothesis)),
            seconds=round(seconds, 4),
            frames=frames,
            blank_share=round(blanks / max(1, frames), 4),
            path=clip.path,
            language=clip.language,
            speaker=clip.speaker,
            text=clip.text,
            attributes=clip.attributes or {},
            snr_db=signal_to_noise_db(clip.samples, self._sampling_rate),
            hypothesis_times=self._times(hypothesis, seconds),
            hypothesis_confidences=tuple(round(token.confidence, 4) for token in hypothesis),
            reference_times=times,
            reference_confidences=confidences,
            stated_starts=_stated_starts(clip, reference),
        )

    def _align(
        self, log_probs: Tensor, labels: list[int], seconds: float
    ) -> tuple[tuple[Span, ...] | None, tuple[float, ...] | None]:
        """Align the reference by force: times and confidences; None where there are too few frames."""
        try:
            tokens = align(log_probs, labels, self._vocabulary.blank_id)
        except AlignmentError:
            return None, None
        times = self._times(tokens, seconds)
        return times, tuple(round(token.confidence, 4) for token in tokens)

    def _times(self, tokens: Sequence[TimedToken | AlignedToken], seconds: float) -> tuple[Span, ...]:
        """Return when each token starts and ends, in seconds."""
        times = token_times([(token.start_frame, token.end_frame) for token in tokens], self._clock, seconds)
        return tuple((round(start, 3), round(end, 3)) for start, end in times)


def _stated_starts(clip: PreparedClip, reference: tuple[str, ...]) -> tuple[float, ...] | None:
    """Return the starts that the data state for phonemes, where these are the reference."""
    if clip.phoneme_starts is None or clip.phonemes != reference:
        return None
    return tuple(round(start, 3) for start in clip.phoneme_starts)
