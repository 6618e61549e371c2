"""Recordings in little memory, because a data set may list millions of them."""

import functools
import itertools
import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from dataset_modules.recording import Recording

_PER_BLOCK = 256
_AUDIO = Recording._fields.index("audio")


class PackedRecordings(Sequence[Recording]):
    """A sequence that keeps its recordings serialised, and builds them again whenever they are read.

    >>> from pathlib import Path
    >>> recordings = [Recording("a", Path("a.wav"), ("a",)), Recording("b", Path("b.wav"), text="b")]
    >>> list(PackedRecordings(recordings)) == recordings
    True
    """

    def __init__(self, recordings: Iterable[Recording] = ()) -> None:
        self._blocks: list[bytes] = []  # of _PER_BLOCK recordings each
        self._last: list[Recording] = []  # not yet a block
        for recording in recordings:
            self.append(recording)

    def append(self, recording: Recording) -> None:
        """Add one recording at the end."""
        self._last.append(recording)
        if len(self._last) == _PER_BLOCK:
            self._blocks.append(_packed(self._last))
            self._last = []

    def __len__(self) -> int:
        return len(self._blocks) * _PER_BLOCK + len(self._last)

    def __iter__(self) -> Iterator[Recording]:
        return itertools.chain.from_iterable(map(self._unpacked, range(len(self._blocks) + 1)))

    @overload
    def __getitem__(self, index: int) -> Recording: ...
    @overload
    def __getitem__(self, index: slice) -> list[Recording]: ...
    def __getitem__(self, index: int | slice) -> Recording | list[Recording]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        block, row = divmod(range(len(self))[index], _PER_BLOCK)
        return self._unpacked(block)[row]

    def _unpacked(self, block: int) -> list[Recording]:
        if block == len(self._blocks):
            return self._last
        return _unpacked(self._blocks[block])


def _packed(recordings: Iterable[Recording]) -> bytes:
    """Serialise recordings; a path as texts, which are read back several times as fast, folders once."""
    folders: dict[str, str] = {}
    rows: list[tuple[Any, ...]] = []
    for recording in recordings:
        audio: Any = recording.audio
        if isinstance(audio, Path):
            folder, name = os.path.split(audio)
            audio = (folders.setdefault(folder, folder), name)
        rows.append((*recording[:_AUDIO], audio, *recording[_AUDIO + 1 :]))
    return pickle.dumps(rows, pickle.HIGHEST_PROTOCOL)


def _unpacked(block: bytes) -> list[Recording]:
    rows: list[tuple[Any, ...]] = pickle.loads(block)  # noqa: S301 - this process wrote it
    folder_of = functools.cache(Path)
    return [
        Recording._make((*row[:_AUDIO], _audio_of(row[_AUDIO], folder_of), *row[_AUDIO + 1 :]))
        for row in rows
    ]


def _audio_of(packed: Any, folder_of: Callable[[str], Path]) -> Any:  # noqa: ANN401 - a path or a source
    return folder_of(packed[0]) / packed[1] if type(packed) is tuple else packed
