"""Read recordings as windows of the network's inputs, without a long recording in memory.

Each window is normalised by its whole recording, and begins on a frame's first sample. So it has the features
that the whole recording has there, and agrees with one pass over it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dataset_modules.recording import AudioError
from inference.acoustic_model import AcousticModel
from inference.streaming.audio_stream import AudioStream, Samples
from inference.streaming.silence import silent_frames
from inference.streaming.windows import Window, plan_windows
from models.network.frontend import VARIANCE_FLOOR, Inputs, WaveformFrontend


class Scale(NamedTuple):
    """Mean and deviation of a recording's features."""

    mean: Tensor  # () or (bins,)
    deviation: Tensor


class Piece(NamedTuple):
    """One window of a recording, ready for the network."""

    window: Window
    inputs: Inputs
    silent: Tensor  # (F,) frames in digital silence
    new_seconds: float  # of the recording that no window before contains
    recording_seconds: float
    is_last: bool


class WindowReader:
    """Reads recordings; each window is normalised by the statistics of its whole recording."""

    def __init__(
        self, model: AcousticModel, one_pass_seconds: float, window_seconds: float, overlap_seconds: float
    ) -> None:
        if not 0 <= overlap_seconds < window_seconds:
            raise ValueError(
                f"Recognizer: window_seconds must be more than overlap_seconds, "
                f"got {window_seconds} and {overlap_seconds}"
            )
        self._model = model
        self._rate = model.audio_params.sampling_rate
        self.frames_per_second = self._rate / model.clock.stride
        self._window_frames = max(int(window_seconds * self.frames_per_second), 2)
        self._overlap_frames = min(int(overlap_seconds * self.frames_per_second), self._window_frames - 1)
        longest = max(int(one_pass_seconds * self._rate), model.clock.samples_of(self._window_frames))
        self._one_pass_samples = longest

    def pieces(self, stream: AudioStream) -> Iterator[Piece]:
        """Yield the windows of a recording; it is read once if one window holds it, three times if not."""
        head = _first_samples(stream.blocks(self._rate), self._one_pass_samples + 1)
        shortest = self._model.clock.receptive_field
        if len(head) < shortest:
            raise AudioError(
                f"{stream.name}: must last {shortest / self._rate:.3f} s at least, "
                f"it lasts {len(head) / self._rate:.3f} s"
            )
        if len(head) > self._one_pass_samples:
            yield from self._windows(stream)
            return
        scale, _ = recording_scale(self._model.frontend, [head])
        inputs = stretch_inputs(self._model.frontend, head, scale)
        seconds = len(head) / self._rate
        window = Window(0, self._model.num_frames(len(head)))
        yield Piece(window, inputs, self._silent(head, window), seconds, seconds, is_last=True)

    def _windows(self, stream: AudioStream) -> Iterator[Piece]:
        scale, num_samples = recording_scale(self._model.frontend, stream.blocks(self._rate))
        clock, total = self._model.clock, num_samples / self._rate
        frames = self._model.num_frames(num_samples)
        windows = plan_windows(frames, self._window_frames, self._overlap_frames)
        places = [(clock.first_sample(start), clock.samples_of(end - start)) for start, end in windows]
        # Networks with an adapter process the samples after the last frame, too.
        places[-1] = (places[-1][0], num_samples - places[-1][0])
        new_until = [*(clock.first_sample(window.start_frame) for window in windows[1:]), num_samples]
        stretches = _stretches(stream.blocks(self._rate), places)
        for window, samples, place, end in zip(windows, stretches, places, new_until, strict=True):
            inputs = stretch_inputs(self._model.frontend, samples, scale)
            new_seconds, silent = (end - place[0]) / self._rate, self._silent(samples, window)
            yield Piece(window, inputs, silent, new_seconds, total, window is windows[-1])

    def _silent(self, samples: Samples, window: Window) -> Tensor:
        return silent_frames(samples, self._model.clock, window.end_frame - window.start_frame)


def recording_scale(frontend: WaveformFrontend, blocks: Iterable[Samples]) -> tuple[Scale, int]:
    """Return the scale of a whole recording and its number of samples, from blocks of its samples.

    Squared deviations are added up block by block in float64 (Chan's formula).
    """
    window, shift, _ = frontend.grid
    rest, num_samples = np.zeros(0, dtype=np.float32), 0
    count, mean, squares = 0, torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for block in blocks:
        num_samples += len(block)
        rest = np.concatenate([rest, block])
        whole = (len(rest) - window) // shift + 1  # windows of features that lie wholly within the samples
        if whole <= 0:
            continue
        samples = torch.from_numpy(rest[: (whole - 1) * shift + window])
        rest = rest[whole * shift :]
        values = frontend.features(samples[None])[0].double()  # (N, …)
        block_mean = values.mean(dim=0)
        total, apart = count + len(values), block_mean - mean
        deviations = ((values - block_mean) ** 2).sum(dim=0)
        squares = squares + deviations + apart**2 * count * len(values) / total
        mean = mean + apart * len(values) / total
        count = total
    if not frontend.do_normalize:
        return Scale(torch.zeros(()), torch.ones(())), num_samples
    variance = squares / max(count - frontend.unbiased, 1)
    return Scale(mean, torch.sqrt(variance + VARIANCE_FLOOR)), num_samples


def stretch_inputs(frontend: WaveformFrontend, samples: Samples, scale: Scale) -> Inputs:
    """Return the network's inputs for a stretch of samples, (T,), as a batch of one."""
    features = frontend.features(torch.from_numpy(samples)[None])  # (1, N, …)
    normalised = ((features.to(scale.mean.dtype) - scale.mean) / scale.deviation).float()
    return frontend.inputs(normalised, torch.tensor([normalised.shape[1]]))


def _first_samples(blocks: Iterable[Samples], count: int) -> Samples:
    """Take the first samples of a stream, or all of them if there are fewer."""
    taken: list[Samples] = [np.zeros(0, dtype=np.float32)]
    missing = count
    for block in blocks:
        taken.append(block[:missing])
        missing -= len(taken[-1])
        if missing <= 0:
            break
    return np.concatenate(taken)


def _stretches(blocks: Iterable[Samples], places: Sequence[tuple[int, int]]) -> Iterator[Samples]:
    """Cut stretches out of a stream, each by its first sample and length, in the order of their starts.

    The last one may be shorter: the last frame of a recording can lack samples.

    >>> [part.tolist() for part in _stretches([np.arange(3), np.arange(3, 8)], [(0, 4), (3, 4)])]
    [[0, 1, 2, 3], [3, 4, 5, 6]]
    """
    held, first = np.zeros(0, dtype=np.float32), 0
    source = iter(blocks)
    for start, length in places:
        passed = start - first  # can exceed the samples held: strides may exceed receptive fields
        while len(held) < passed + length and (block := next(source, None)) is not None:
            held = np.concatenate([held, block]) if len(held) else block
        held, first = held[passed:], start
        yield held[:length]
