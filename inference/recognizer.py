"""A checkpoint as a function: recordings → phonemes with times, in memory that does not grow with their length."""

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
from inference.audio_stream import AudioSamples, AudioStream, Samples
from inference.decoders import Decoder, GreedyDecoder
from inference.features import Scale
from inference.transcript import Failure, HeardToken, Transcript, merge_adjacent, transcript_of
from inference.windows import Segment, Window, WindowJoiner, plan_windows

_BATCHES_AHEAD = 4  # recordings are sorted by length over so many batches
_Progress = Callable[[float], object]


class _Piece(NamedTuple):
    """One window of a recording, ready for the network."""

    recording: "_Recording"
    window: Window
    inputs: Tensor  # (N, …) normalised features
    num_seconds: float
    is_last: bool


@dataclass
class _Recording:
    """A recording on its way."""

    name: str
    joiner: WindowJoiner
    num_seconds: float = 0.0
    tokens: list[HeardToken] = field(default_factory=list)
    failure: str | None = None
    is_done: bool = False


class Recognizer:
    """Recordings of any length and rate → transcripts.

    A recording of up to ``window_seconds`` is heard in one pass. A longer one is heard in windows that
    overlap, normalised by the whole recording and joined where both hold a frame for a blank.

    Args:
        model: network and vocabulary.
        decode: scores → tokens; None decodes greedily.
        batch_seconds: padded seconds of audio that the network takes at once.
        window_seconds: the longest stretch heard in one pass.
        overlap_seconds: how far two windows overlap; each has half of it as context at the seam.
    """

    def __init__(
        self,
        model: AcousticModel,
        decode: Decoder | None = None,
        *,
        batch_seconds: float = 60.0,
        window_seconds: float = 60.0,
        overlap_seconds: float = 8.0,
    ) -> None:
        if not 0 <= overlap_seconds < window_seconds:
            raise ValueError(
                f"Recognizer: window_seconds must be more than overlap_seconds, "
                f"got {window_seconds} and {overlap_seconds}"
            )
        self.model = model
        self.decode = decode or GreedyDecoder(model.vocabulary.blank_id)
        self.batch_seconds = batch_seconds
        self._rate = model.audio_params.sampling_rate
        frames_per_second = self._rate / model.clock.stride
        self._window_frames = max(int(window_seconds * frames_per_second), 2)
        self._overlap_frames = min(int(overlap_seconds * frames_per_second), self._window_frames - 1)

    @classmethod
    def from_checkpoint(
        cls, path: str | Path, device: torch.device | str = "cpu", **windows: float
    ) -> "Recognizer":
        """The recogniser of a checkpoint, which needs nothing beside it."""
        return cls(AcousticModel.from_checkpoint(Path(path), device), **windows)

    def __call__(self, waveform: NDArray[np.float32] | Tensor, sampling_rate: int) -> Transcript:
        """Transcribe samples in memory, (T,) or (T, channels); ``AudioError`` where they cannot be."""
        (result,) = self.transcribe([AudioSamples(np.asarray(waveform), sampling_rate)])
        if isinstance(result, Failure):
            raise AudioError(result.reason)
        return result

    def transcribe(
        self, streams: Iterable[AudioStream], on_progress: _Progress = lambda seconds: None
    ) -> Iterator[Transcript | Failure]:
        """Transcribe recordings; results come in their order, what cannot be heard as a ``Failure``.

        Args:
            streams: the recordings.
            on_progress: called with the seconds of audio heard since the last call.
        """
        waiting: list[_Recording] = []
        for pieces in self._groups(streams, waiting):
            for batch in self._batches(pieces):
                self._hear(batch)
                on_progress(sum(piece.num_seconds for piece in batch))
            yield from self._finished(waiting)
        yield from self._finished(waiting)

    def scores(self, stream: AudioStream) -> Tensor:
        """The log-probabilities of a whole recording's frames, (F, V), joined from its windows."""
        joiner = WindowJoiner(self.model.vocabulary.blank_id)
        segments: list[Segment] = []
        for piece in self._pieces(_Recording(stream.name, joiner), stream):
            segments += joiner.add(piece.window, self.model.log_probs([piece.inputs])[0])
        return torch.cat([segment.log_probs for segment in (*segments, *joiner.finish())])

    def _groups(self, streams: Iterable[AudioStream], waiting: list[_Recording]) -> Iterator[list[_Piece]]:
        """Pieces of as many recordings as make a few batches; ``waiting`` gets every recording in order."""
        group: list[_Piece] = []
        seconds = 0.0
        for stream in streams:
            recording = _Recording(stream.name, WindowJoiner(self.model.vocabulary.blank_id))
            waiting.append(recording)
            try:
                for piece in self._pieces(recording, stream):
                    group.append(piece)
                    seconds += self._seconds(piece.window)
                    if seconds >= _BATCHES_AHEAD * self.batch_seconds:
                        yield group
                        group, seconds = [], 0.0
            except AudioError as error:
                recording.failure, recording.is_done = str(error), True
        if group:
            yield group

    def _pieces(self, recording: _Recording, stream: AudioStream) -> Iterator[_Piece]:
        """The windows of one recording; it is read once if it fits in one, twice if not."""
        features, clock = self.model.features, self.model.clock
        longest = clock.samples_of(self._window_frames + 1) - 1
        head = _first_samples(stream.blocks(self._rate), longest + 1)
        if len(head) < clock.receptive_field:
            raise AudioError(
                f"{stream.name}: must last {clock.receptive_field / self._rate:.3f} s at least, "
                f"lasts {len(head) / self._rate:.3f} s"
            )
        if len(head) <= longest:
            inputs = features.inputs(head, features.scale([head]))
            frames = (len(head) - clock.receptive_field) // clock.stride + 1
            recording.num_seconds = len(head) / self._rate
            yield _Piece(recording, Window(0, frames), inputs, recording.num_seconds, is_last=True)
            return
        counter = _Counter()
        scale = features.scale(counter.count(stream.blocks(self._rate)))
        for _ in counter.rest:
            pass
        yield from self._windows(recording, stream, scale, counter.num_samples)

    def _windows(
        self, recording: _Recording, stream: AudioStream, scale: Scale, num_samples: int
    ) -> Iterator[_Piece]:
        features, clock = self.model.features, self.model.clock
        frames = (num_samples - clock.receptive_field) // clock.stride + 1
        recording.num_seconds = num_samples / self._rate
        windows = plan_windows(frames, self._window_frames, self._overlap_frames)
        stretches = _stretches(
            stream.blocks(self._rate),
            [
                (clock.first_sample(w.start_frame), clock.samples_of(w.end_frame - w.start_frame))
                for w in windows
            ],
        )
        for number, (window, samples) in enumerate(zip(windows, stretches, strict=True), start=1):
            is_last = number == len(windows)
            end = frames if is_last else windows[number].start_frame
            seconds = self._seconds(Window(window.start_frame, end))
            yield _Piece(recording, window, features.inputs(samples, scale), seconds, is_last)

    def _batches(self, pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
        """Pieces of similar length together; windows of one recording stay in order."""
        batch: list[_Piece] = []
        for piece in sorted(pieces, key=lambda piece: -len(piece.inputs)):
            longest = self._seconds((batch or [piece])[0].window)
            if batch and longest * (len(batch) + 1) > self.batch_seconds:
                yield batch
                batch = []
            batch.append(piece)
        if batch:
            yield batch

    def _hear(self, batch: Sequence[_Piece]) -> None:
        scores = self.model.log_probs([piece.inputs for piece in batch])
        for piece, log_probs in zip(batch, scores, strict=True):
            recording = piece.recording
            self._take(recording, recording.joiner.add(piece.window, log_probs))
            if piece.is_last:
                self._take(recording, recording.joiner.finish())
                recording.is_done = True

    def _take(self, recording: _Recording, segments: Iterable[Segment]) -> None:
        for segment in segments:
            said = tuple(token.token_id for token in recording.tokens[-8:])
            recording.tokens += [
                token._replace(
                    start_frame=token.start_frame + segment.start_frame,
                    end_frame=token.end_frame + segment.start_frame,
                )
                for token in self.decode(segment.log_probs, said)
            ]

    def _finished(self, waiting: list[_Recording]) -> Iterator[Transcript | Failure]:
        while waiting and waiting[0].is_done:
            recording = waiting.pop(0)
            if recording.failure is not None:
                yield Failure(recording.name, recording.failure)
            else:
                tokens = merge_adjacent(recording.tokens)
                yield transcript_of(
                    recording.name, tokens, recording.num_seconds, self.model.vocabulary, self.model.clock
                )

    def _seconds(self, window: Window) -> float:
        return (window.end_frame - window.start_frame) * self.model.clock.stride / self._rate


class _Counter:
    """Counts the samples that pass."""

    def __init__(self) -> None:
        self.num_samples = 0
        self.rest: Iterator[Samples] = iter(())

    def count(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        """The same blocks."""
        self.rest = self._passing(blocks)
        return self.rest

    def _passing(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        for block in blocks:
            self.num_samples += len(block)
            yield block


def _first_samples(blocks: Iterable[Samples], count: int) -> Samples:
    """The first samples of a stream, or all of them if there are fewer."""
    taken: list[Samples] = [np.zeros(0, dtype=np.float32)]
    missing = count
    for block in blocks:
        taken.append(block[:missing])
        missing -= len(taken[-1])
        if missing <= 0:
            break
    return np.concatenate(taken)


def _stretches(blocks: Iterable[Samples], places: Sequence[tuple[int, int]]) -> Iterator[Samples]:
    """Stretches of a stream, each by its first sample and length; starts never go back."""
    held, first = np.zeros(0, dtype=np.float32), 0
    source = iter(blocks)
    for start, length in places:
        held, first = held[start - first :], start
        while len(held) < length:
            held = np.concatenate([held, next(source)])
        yield held[:length]
