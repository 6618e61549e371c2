"""A checkpoint as a function: recordings of any length → phonemes with times, in constant memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dataset_modules.recording import AudioError
from inference.acoustic_model import AcousticModel
from inference.decoding.decoders import Decoder, GreedyDecoder
from inference.streaming.audio_stream import AudioSamples, AudioStream
from inference.streaming.window_reader import Piece, WindowReader
from inference.streaming.windows import Segment, WindowJoiner, joined
from inference.transcript import Failure, Transcript, merge_adjacent, transcript_of
from models.ctc.forced_alignment import align
from models.ctc.greedy import TimedToken

BATCH_SECONDS = 60.0
ONE_PASS_SECONDS = 60.0
WINDOW_SECONDS = 20.0
OVERLAP_SECONDS = 4.0
_BATCHES_AHEAD = 4  # recordings are sorted by length over so many batches
_CONTEXT_TOKENS = 16  # that a decoder is told of what was said before


@dataclass
class _Recording:
    """A recording on its way."""

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
    """Recordings of any length and rate → transcripts.

    Args:
        model: network and vocabulary.
        decode: scores → tokens; None decodes greedily.
        batch_seconds: padded seconds of audio that the network takes at once.
        one_pass_seconds: the longest recording heard in one pass. A longer one is heard in windows that
            overlap, normalised by the whole recording and joined where both hold a frame for a blank.
        window_seconds: length of a window.
        overlap_seconds: how far two windows overlap; each has half of it as context at the seam.
    """

    def __init__(
        self,
        model: AcousticModel,
        decode: Decoder | None = None,
        *,
        batch_seconds: float = BATCH_SECONDS,
        one_pass_seconds: float = ONE_PASS_SECONDS,
        window_seconds: float = WINDOW_SECONDS,
        overlap_seconds: float = OVERLAP_SECONDS,
    ) -> None:
        self.model = model
        self.decode = decode or GreedyDecoder(model.vocabulary.blank_id)
        self.batch_seconds = batch_seconds
        self._reader = WindowReader(model, one_pass_seconds, window_seconds, overlap_seconds)

    @classmethod
    def from_checkpoint(cls, path: str | Path, device: torch.device | str = "cpu") -> "Recognizer":
        """The recogniser of a checkpoint, which needs nothing beside it."""
        return cls(AcousticModel.from_checkpoint(Path(path), device))

    def __call__(self, waveform: NDArray[np.float32] | Tensor, sampling_rate: int) -> Transcript:
        """Transcribe samples in memory, (T,) or (T, channels); ``AudioError`` where they cannot be."""
        (result,) = self.transcribe([AudioSamples(np.asarray(waveform), sampling_rate)])
        if isinstance(result, Failure):
            raise AudioError(result.reason)
        return result

    def transcribe(
        self, streams: Iterable[AudioStream], on_progress: Callable[[float], object] | None = None
    ) -> Iterator[Transcript | Failure]:
        """Transcribe recordings; results come in their order, what cannot be heard as a ``Failure``.

        Args:
            streams: the recordings.
            on_progress: called with the seconds of audio heard since the last call.
        """
        under_way: list[_Recording] = []
        for group in self._groups(streams, under_way):
            for batch in self._batches(group):
                self._hear(batch)
                if on_progress is not None:
                    on_progress(sum(piece.new_seconds for _, piece in batch))
            yield from self._finished(under_way)
        yield from self._finished(under_way)

    def align(
        self, waveform: NDArray[np.float32] | Tensor, sampling_rate: int, phonemes: Sequence[str]
    ) -> Transcript:
        """Tell when known phonemes, word boundaries among them, were said in samples, (T,) or (T, channels).

        ``AlignmentError`` where there are more than the frames can hold, ``VocabularyError`` where one is
        not in the vocabulary.
        """
        stream = AudioSamples(np.asarray(waveform), sampling_rate)
        vocabulary = self.model.vocabulary
        labels = vocabulary.encode(phonemes)
        spans = align(self.scores(stream), labels, vocabulary.blank_id)
        tokens = [TimedToken(label, *span) for label, span in zip(labels, spans, strict=True)]
        seconds = len(stream.samples) / sampling_rate
        return transcript_of(stream.name, tokens, seconds, vocabulary, self.model.clock)

    def scores(self, stream: AudioStream) -> Tensor:
        """The log-probabilities of a whole recording's frames, (F, V), joined from its windows."""
        joiner = WindowJoiner(self.model.vocabulary.blank_id)
        segments: list[Segment] = []
        for piece in self._reader.pieces(stream):
            segments += joiner.add(piece.window, self.model.log_probs([piece.inputs])[0])
        return joined([*segments, *joiner.finish()])

    def _groups(
        self, streams: Iterable[AudioStream], under_way: list[_Recording]
    ) -> Iterator[list[_Waiting]]:
        """Windows that make a few batches; ``under_way`` gets every recording, in order."""
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
        """Windows of similar length together; those of one recording stay in order."""
        limit = self.batch_seconds * self._reader.frames_per_second
        batch: list[_Waiting] = []
        for waiting in sorted(group, key=lambda waiting: -_size(waiting.piece)):
            if batch and _size(batch[0].piece) * (len(batch) + 1) > limit:
                yield batch
                batch = []
            batch.append(waiting)
        if batch:
            yield batch

    def _hear(self, batch: Sequence[_Waiting]) -> None:
        scores = self.model.log_probs([piece.inputs for _, piece in batch])
        for (recording, piece), log_probs in zip(batch, scores, strict=True):
            self._take(recording, recording.joiner.add(piece.window, log_probs))
            if piece.is_last:
                self._take(recording, recording.joiner.finish())
                recording.num_seconds, recording.is_done = piece.recording_seconds, True

    def _take(self, recording: _Recording, segments: Iterable[Segment]) -> None:
        for segment in segments:
            said = tuple(token.token_id for token in recording.tokens[-_CONTEXT_TOKENS:])
            heard = self.decode(segment.log_probs, said)
            recording.tokens += [token.later(segment.start_frame) for token in heard]

    def _finished(self, under_way: list[_Recording]) -> Iterator[Transcript | Failure]:
        """Take off the front what is done."""
        while under_way and under_way[0].is_done:
            recording = under_way.pop(0)
            if recording.failure is not None:
                yield Failure(recording.name, recording.failure)
                continue
            tokens = merge_adjacent(recording.tokens)
            yield transcript_of(
                recording.name, tokens, recording.num_seconds, self.model.vocabulary, self.model.clock
            )


def _size(piece: Piece) -> int:
    return piece.window.end_frame - piece.window.start_frame
