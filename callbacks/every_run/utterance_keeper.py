"""Records what an evaluation recognised in each utterance, in the experiment's folder."""

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from typing_extensions import override

from dataset_modules.base_dataset import Split
from dataset_modules.batches.batch import Batch
from dataset_modules.cache.clip_store import PreparedClip
from dataset_modules.datamodule import PhonemeDataModule
from dataset_modules.recording import EXPECTED
from evaluation.metrics import gather_from_processes
from evaluation.signal_to_noise import signal_to_noise_db
from evaluation.utterance_record import Span, UtteranceRecord, write_records
from evaluation.worst_utterances import keep_audio
from experiment.errors import in_one_line
from experiment.layout import audio_folder, records_file
from models import PhonemeRecognizer
from models.ctc import AlignmentError, TimedToken, blank_share, force_align, greedy_tokens
from models.evaluated_model import Evaluated
from models.network.frames import frame_clock, token_times

if TYPE_CHECKING:
    from callbacks.every_run.annotated_errors import ErrorScorer, Scored

log = logging.getLogger(__name__)

_Records = dict[int, UtteranceRecord]  # by row of the split
_ANNOTATIONS = (EXPECTED, "errors", "grades")  # attributes that are no properties to group utterances by
# A training validates, too: these validations leave no records.
_EVALUATED: dict[str, Split] = {"validate": "val", "test": "test"}  # the Trainer's function → split


class UtteranceKeeper(Callback):
    """Writes one JSON-lines file per evaluated split; validations during training write none.

    Where the data have annotated errors of pronunciation, it adds to the metrics how well they are found.
    """

    def __init__(self) -> None:
        self._records: _Records = {}
        self._score_errors: ErrorScorer | None = None
        self._scored: dict[int, Scored] = {}  # by row of the split
        self.failures: list[str] = []  # what could not be written

    @override
    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: object
    ) -> None:
        split = _evaluated_split(trainer)
        if split is None or not isinstance(pl_module, PhonemeRecognizer):
            return
        data: PhonemeDataModule = trainer.datamodule  # type: ignore[attr-defined]
        describe = Describer(pl_module, data.audio_params.sampling_rate)
        for row, scores, labels, tokens in _utterances(batch, outputs):
            clip = data.splits[split].clips[row]
            self._records[row] = describe(clip, split, scores, labels, tokens)
            if EXPECTED in (clip.attributes or {}) and pl_module.output.kind == "phonemes":
                self._scored[row] = self._error_scorer(trainer, pl_module)(clip, scores)

    @override
    def on_validation_end(self, trainer: Trainer, *_: object) -> None:
        split = _evaluated_split(trainer)
        if split is None:
            return
        # Several processes may have evaluated the same utterance: it is recorded once.
        records = {row: one for part in gather_from_processes(self._records) for row, one in part.items()}
        scored = {row: one for part in gather_from_processes(self._scored) for row, one in part.items()}
        self._records, self._scored = {}, {}
        self._score_errors = None  # of these weights
        if not records or not trainer.is_global_zero:
            return
        try:
            _write_split(trainer, split, records)
            if scored:
                from callbacks.every_run.annotated_errors import write_detection

                write_detection(Path(trainer.default_root_dir), split, scored.values())
        except (OSError, RuntimeError, ValueError) as error:  # the metrics are written all the same
            self.failures.append(f"the {split} records could not be written: {in_one_line(error)}")

    def _error_scorer(self, trainer: Trainer, model: PhonemeRecognizer) -> "ErrorScorer":
        if self._score_errors is None:
            # Brings scipy, which starts need not load.
            from callbacks.every_run.annotated_errors import ErrorScorer

            data: PhonemeDataModule = trainer.datamodule  # type: ignore[attr-defined]
            folder = Path(trainer.default_root_dir)
            self._score_errors = ErrorScorer(model, data.audio_params.sampling_rate, folder)
        return self._score_errors

    @override
    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *step: Any) -> None:
        self.on_validation_batch_end(trainer, pl_module, *step)

    @override
    def on_test_end(self, trainer: Trainer, *_: object) -> None:
        self.on_validation_end(trainer)


def _evaluated_split(trainer: Trainer) -> Split | None:
    """Return the split whose utterances are recorded; None in training and where only metrics are read.

    A fast development run leaves nothing behind, and the trials of a search report their metrics alone.
    """
    metrics_only = any(getattr(one, "metrics_only", False) for one in getattr(trainer, "callbacks", ()))
    if metrics_only or getattr(trainer, "fast_dev_run", False):
        return None
    return _EVALUATED.get(trainer.state.fn or "")


def _write_split(trainer: Trainer, split: Split, records: _Records) -> None:
    """Write the records in the split's order, and the recordings of the worst utterances."""
    data: PhonemeDataModule = trainer.datamodule  # type: ignore[attr-defined]
    folder, clips = Path(trainer.default_root_dir), data.splits[split].clips
    rows = sorted(records)
    in_order = [records[row] for row in rows]
    try:
        with_audio = keep_audio(
            audio_folder(folder, split),
            in_order,
            lambda place: clips[rows[place]].samples,
            data.audio_params.sampling_rate,
        )
    except OSError:  # a full disk; the records are worth more than the audio
        write_records(records_file(folder, split), in_order)
        raise
    write_records(records_file(folder, split), with_audio)


def _utterances(
    batch: Batch, outputs: Evaluated
) -> Iterator[tuple[int, Tensor, list[int], list[TimedToken] | None]]:
    """Yield each utterance's row of the split, scores of real frames (F, V), labels, and searched tokens."""
    rows = zip(
        batch.rows,
        outputs["log_probs"].cpu(),  # all at once: what follows reads single utterances
        outputs["frames"].tolist(),
        batch.labels.tolist(),
        batch.label_lengths.tolist(),
        outputs["tokens"] or itertools.repeat(None, len(batch.ids)),
        strict=True,
    )
    for row, log_probs, frames, labels, length, tokens in rows:
        yield row, log_probs[:frames], labels[:length], tokens


class Describer:
    """Makes the record of an utterance from the scores of its frames."""

    def __init__(self, model: PhonemeRecognizer, sampling_rate: int) -> None:
        self._vocabulary = model.vocabulary
        self._output = model.output
        self._sampling_rate = sampling_rate
        self._clock = frame_clock(model.network_configuration, model.frontend.grid, sampling_rate)

    def __call__(
        self,
        clip: PreparedClip,
        split: str,
        log_probs: Tensor,  # (F, V), of the real frames
        labels: list[int],
        tokens: list[TimedToken] | None = None,
    ) -> UtteranceRecord:
        """Describe a clip by the scores of its frames and the tokens; None decodes them greedily."""
        blank_id, frames = self._output.blank_id, len(log_probs)
        blanks, _ = blank_share(log_probs[None], log_probs.new_tensor([frames]).long(), blank_id)
        reference = tuple(self._vocabulary.decode(labels))
        seconds = len(clip.samples) / self._sampling_rate
        recognised = greedy_tokens(log_probs, blank_id) if tokens is None else tokens
        ids = [token.token_id for token in recognised]
        placed = self._output.placed(ids, clip.language)
        places = [place for _, place in placed]  # of the phonemes' tokens
        times = self._times(recognised, seconds)
        aligned = self._aligned(log_probs, labels)
        return UtteranceRecord(
            id=clip.id,
            split=split,
            reference=reference,
            hypothesis=tuple(phoneme for phoneme, _ in placed),
            seconds=round(seconds, 4),
            frames=frames,
            blank_share=round(blanks / max(1, frames), 4),
            path=clip.path,
            language=clip.language,
            speaker=clip.speaker,
            text=clip.text,
            attributes=_properties(clip.attributes or {}),
            snr_db=signal_to_noise_db(clip.samples, self._sampling_rate),
            hypothesis_times=tuple(times[place] for place in places),
            hypothesis_confidences=_confidences([recognised[place] for place in places]),
            reference_times=None if aligned is None else self._times(aligned, seconds),
            reference_confidences=None if aligned is None else _confidences(aligned),
            stated_starts=_stated_starts(clip, reference),
            raw_hypothesis=tuple(self._output.raw(ids)) if self._output.is_mapped else None,
        )

    def _aligned(self, log_probs: Tensor, labels: list[int]) -> list[TimedToken] | None:
        """Align the reference; None where another model's head lacks a phoneme, or frames are too few."""
        ids = self._output.ids_of(labels)
        try:
            return None if ids is None else force_align(log_probs, ids, self._output.blank_id)
        except AlignmentError:
            return None

    def _times(self, tokens: Sequence[TimedToken], seconds: float) -> tuple[Span, ...]:
        times = token_times([(token.start_frame, token.end_frame) for token in tokens], self._clock, seconds)
        return tuple((round(start, 3), round(end, 3)) for start, end in times)


def _properties(attributes: Mapping[str, str]) -> Mapping[str, str]:
    if EXPECTED not in attributes:
        return attributes
    return {name: value for name, value in attributes.items() if name not in _ANNOTATIONS}


def _confidences(tokens: Sequence[TimedToken]) -> tuple[float, ...]:
    return tuple(round(token.confidence, 4) for token in tokens)


def _stated_starts(clip: PreparedClip, reference: tuple[str, ...]) -> tuple[float, ...] | None:
    """Return when the phonemes start according to the data, where they state it for this reference."""
    if clip.phoneme_starts is None or clip.phonemes != reference:
        return None
    return tuple(round(start, 3) for start in clip.phoneme_starts)
