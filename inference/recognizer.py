"""Transcribe recordings of any length with a checkpoint, in constant memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dataset_modules.recording import AudioError
from experiment.folder import find_checkpoint
from experiment.layout import experiment_of
from inference.acoustic_model import AcousticModel
from inference.decoding.kept_decoder import kept_decoder
from inference.model_loading import load_model
from inference.streaming.audio_stream import AudioSamples, AudioStream
from inference.streaming.silence import blanks_in_silence
from inference.streaming.window_reader import Piece, WindowReader
from inference.streaming.windows import Segment, WindowJoiner
from inference.transcript import Failure, Transcript, merge_adjacent, transcript_of, with_words
from models.ctc import TimedToken, force_align, greedy_tokens
from phonetics import WORD_DELIMITER, TextToPhonemes
from phonetics.text_to_phonemes.spoken_text import SpokenText
from scoring.calibration import Calibration
from scoring.candidates import CandidateChoice
from scoring.pronunciation import PronunciationScore
from scoring.scorer import PronunciationScorer

# Scores of a segment, (F, V), and the tokens before it → its tokens; frames count from its first one.
Decoder = Callable[[Tensor, tuple[int, ...]], list[TimedToken]]

_BATCHES_AHEAD = 4  # recordings are sorted by length over so many batches
_CONTEXT_TOKENS = 16  # before a segment, which a decoder gets


@dataclass
class _Recording:
    """A recording in progress."""

    name: str
    joiner: WindowJoiner
    num_seconds: float = 0.0
    tokens: list[TimedToken] = field(default_factory=list)
    failure: str | None = None
    is_done: bool = False


class _Waiting(NamedTuple):
    """A window and the recording it belongs to."""

    recording: _Recording
    piece: Piece


class Recognizer:
    """Transcribes recordings of any length and rate.

    Args:
        model: a checkpoint file, an ONNX export, a folder or hub id of a Hugging Face CTC model, or a network
            with its vocabulary.
        decode: converts scores to tokens; None decodes greedily.
        batch_seconds: padded seconds of audio in one batch.
        one_pass_seconds: the longest recording processed in one pass. Longer ones are split into windows
            that overlap, normalised by the whole recording, and joined at frames that are blanks in both.
        window_seconds: the length of a window.
        overlap_seconds: the overlap of two windows; each has half of it as context at the seam.
    """

    def __init__(
        self,
        model: AcousticModel | str | Path,
        decode: Decoder | None = None,
        *,
        batch_seconds: float = 60.0,
        one_pass_seconds: float = 60.0,
        window_seconds: float = 20.0,
        overlap_seconds: float = 4.0,
    ) -> None:
        self.model = model if isinstance(model, AcousticModel) else load_model(model)
        self.decode = decode or (lambda scores, _: greedy_tokens(scores, self.model.vocabulary.blank_id))
        self.batch_seconds = batch_seconds
        self._reader = WindowReader(self.model, one_pass_seconds, window_seconds, overlap_seconds)

    @classmethod
    def from_checkpoint(cls, path: str | Path, device: torch.device | str = "cpu") -> "Recognizer":
        """Build the recogniser of a checkpoint; no other file is needed."""
        return cls(AcousticModel.from_checkpoint(Path(path), device))

    @classmethod
    def from_experiment(cls, folder: str | Path, device: torch.device | str = "cpu") -> "Recognizer":
        """Build the recogniser of an experiment's best checkpoint; it decodes as test data were decoded.

        Args:
            folder: the experiment's folder, its name under ``experiments/``, or one of its checkpoints.
            device: where the model runs.
        """
        checkpoint = find_checkpoint("Recognizer", str(folder))
        model = AcousticModel.from_checkpoint(checkpoint, device)
        experiment = experiment_of(checkpoint)
        return cls(model, kept_decoder(experiment, model.vocabulary) if experiment else None)

    def __call__(self, waveform: NDArray[np.float32] | Tensor, sampling_rate: int) -> Transcript:
        """Transcribe samples in memory, (T,) or (T, channels); raise ``AudioError`` for invalid ones."""
        (result,) = self.transcribe([AudioSamples(np.asarray(waveform), sampling_rate)])
        if isinstance(result, Failure):
            raise AudioError(result.reason)
        return result

    def transcribe(
        self, streams: Iterable[AudioStream], on_progress: Callable[[float], object] | None = None
    ) -> Iterator[Transcript | Failure]:
        """Transcribe recordings in order; one that cannot be read results in a ``Failure``.

        Args:
            streams: the recordings.
            on_progress: called with the seconds of audio processed since the last call.
        """
        under_way: list[_Recording] = []
        for group in self._groups(streams, under_way):
            for batch in self._batches(group):
                self._process(batch)
                if on_progress is not None:
                    on_progress(sum(piece.new_seconds for _, piece in batch))
            yield from self._finished(under_way)
        yield from self._finished(under_way)

    def align(
        self, waveform: NDArray[np.float32] | Tensor, sampling_rate: int, phonemes: Sequence[str]
    ) -> Transcript:
        """Align known phonemes and word boundaries with samples, (T,) or (T, channels).

        A phoneme's confidence is the geometric mean of its probability over the frames that the alignment
        gives it: near 1 where the audio fits the phoneme, near 0 where it does not. Whether the phonemes
        were said at all is not checked, so look for phonemes of low confidence.

        Raises ``AlignmentError`` where the frames are too few for the phonemes, and ``VocabularyError``
        for phonemes outside the vocabulary.
        """
        stream = AudioSamples(np.asarray(waveform), sampling_rate)
        vocabulary = self.model.vocabulary
        spelled = vocabulary.spelled(phonemes)
        known = [name for name in spelled if name != WORD_DELIMITER or vocabulary.word_delimiter]
        # Where no boundary is known, the consonants of two words that meet are still two.
        tokens = force_align(self.scores(stream), vocabulary.ids_of(known), vocabulary.blank_id)
        seconds = len(stream.samples) / sampling_rate
        aligned = transcript_of(stream.name, tokens, seconds, vocabulary, self.model.clock)
        return aligned if len(known) == len(spelled) else with_words(aligned, spelled)

    def score(
        self,
        waveform: NDArray[np.float32] | Tensor,
        sampling_rate: int,
        text: str | None = None,
        *,
        phonemes: Sequence[str] | None = None,
        language: str | None = None,
        text_to_phonemes: TextToPhonemes | str = "espeak",
        candidates: CandidateChoice = "all",
        calibration: Calibration | None = None,
        name: str = "waveform",
    ) -> PronunciationScore:
        """Score how well a text, or phonemes and word boundaries, were said in samples, (T,) or (T, C).

        Raises ``ValueError`` of a kind that names the reason: a text that cannot be converted, phonemes
        outside the vocabulary, invalid samples, a recording without speech or too short for its phonemes.

        Args:
            waveform: the samples.
            sampling_rate: their rate.
            text: what should have been said; it needs ``language``.
            phonemes: the same as phonemes, with ``|`` between words, instead of a text.
            language: of the text, such as ru or en-us.
            text_to_phonemes: espeak, epitran, the file of a dictionary, or a backend.
            candidates: what may have been said instead of a phoneme: all phonemes, those of the same-class,
                or a table.
            calibration: what ``score --calibrate`` wrote, see ``read_calibration``; gives verdicts.
            name: of the recording, for results and messages.
        """
        if (text is None) == (phonemes is None):
            raise ValueError("score: give a text or phonemes, one of both")
        expected = SpokenText(text_to_phonemes, language)(text) if text is not None else phonemes or ()
        stream = AudioSamples(np.asarray(waveform), sampling_rate, name)
        scorer = PronunciationScorer(self.model.vocabulary, self.model.clock, candidates, calibration)
        return scorer(self.scores(stream), expected, len(stream.samples) / sampling_rate, name)

    def scores(self, stream: AudioStream) -> Tensor:
        """Compute the log-probabilities of all frames of a recording, (F, V), from its windows."""
        _, segments = self._segments(stream)
        return torch.cat([segment.log_probs for segment in segments])

    def transcribe_with_scores(self, stream: AudioStream) -> tuple[Transcript, Tensor]:
        """Transcribe a recording and return its log-probabilities, (F, V), of the same pass."""
        recording, segments = self._segments(stream)
        self._take(recording, segments)
        return self._transcript(recording), torch.cat([segment.log_probs for segment in segments])

    def _segments(self, stream: AudioStream) -> tuple[_Recording, list[Segment]]:
        recording = _Recording(stream.name, WindowJoiner(self.model.vocabulary.blank_id))
        segments: list[Segment] = []
        for piece in self._reader.pieces(stream):
            (log_probs,) = self._scores([piece])
            segments += recording.joiner.add(piece.window, log_probs)
            recording.num_seconds = piece.recording_seconds
        return recording, [*segments, *recording.joiner.finish()]

    def _groups(
        self, streams: Iterable[AudioStream], under_way: list[_Recording]
    ) -> Iterator[list[_Waiting]]:
        """Yield the windows of a few batches; append every recording to ``under_way``, in order."""
        group: list[_Waiting] = []
        frames, limit = 0, _BATCHES_AHEAD * self.batch_seconds * self._reader.frames_per_second
        for stream in streams:
            recording = _Recording(stream.name, WindowJoiner(self.model.vocabulary.blank_id))
            under_way.append(recording)
            try:
                for piece in self._reader.pieces(stream):
                    group.append(_Waiting(recording, piece))
                    frames += _size(piece)
                    if frames >= limit:
                        yield group
                        group, frames = [], 0
            except AudioError as error:
                recording.failure, recording.is_done = str(error), True
        if group:
            yield group

    def _batches(self, group: Sequence[_Waiting]) -> Iterator[list[_Waiting]]:
        """Batch windows of similar length; those of one recording stay in order."""
        limit = self.batch_seconds * self._reader.frames_per_second
        batch: list[_Waiting] = []
        for waiting in sorted(group, key=lambda waiting: -_size(waiting.piece)):
            if batch and _size(batch[0].piece) * (len(batch) + 1) > limit:
                yield batch
                batch = []
            batch.append(waiting)
        if batch:
            yield batch

    def _process(self, batch: Sequence[_Waiting]) -> None:
        scores = self._scores([piece for _, piece in batch])
        for (recording, piece), log_probs in zip(batch, scores, strict=True):
            self._take(recording, recording.joiner.add(piece.window, log_probs))
            if piece.is_last:
                self._take(recording, recording.joiner.finish())
                recording.num_seconds, recording.is_done = piece.recording_seconds, True

    def _scores(self, pieces: Sequence[Piece]) -> Iterator[Tensor]:
        """Compute the log-probabilities of each window, (F, V); digital silence holds no phonemes."""
        blank_id = self.model.vocabulary.blank_id
        for piece, scores in zip(pieces, self.model.log_probs([one.inputs for one in pieces]), strict=True):
            yield blanks_in_silence(scores, piece.silent, blank_id)

    def _take(self, recording: _Recording, segments: Iterable[Segment]) -> None:
        for segment in segments:
            previous = tuple(token.token_id for token in recording.tokens[-_CONTEXT_TOKENS:])
            tokens = self.decode(segment.log_probs, previous)
            recording.tokens += [token.later(segment.start_frame) for token in tokens]

    def _finished(self, under_way: list[_Recording]) -> Iterator[Transcript | Failure]:
        """Remove the recordings that are done from the front, and yield their results."""
        while under_way and under_way[0].is_done:
            recording = under_way.pop(0)
            if recording.failure is not None:
                yield Failure(recording.name, recording.failure)
                continue
            yield self._transcript(recording)

    def _transcript(self, recording: _Recording) -> Transcript:
        tokens, vocabulary = merge_adjacent(recording.tokens), self.model.vocabulary
        return transcript_of(recording.name, tokens, recording.num_seconds, vocabulary, self.model.clock)


def _size(piece: Piece) -> int:
    return piece.window.end_frame - piece.window.start_frame
