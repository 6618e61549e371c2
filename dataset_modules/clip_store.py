"""Prepared clips on disk: immutable Arrow files, memory-mapped, audio as 16-bit samples without pickling."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

ROWS_PER_BATCH = 64  # rows that Arrow writes as one block; one block is one stretch of the mapped file

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("language", pa.string()),
        ("speaker", pa.string()),
        ("text", pa.string()),
        ("phonemes", pa.list_(pa.string())),
        ("phoneme_starts", pa.list_(pa.float32())),
        ("num_samples", pa.int64()),
        ("audio", pa.binary()),
    ]
)


class PreparedClip(NamedTuple):
    """One row: audio at the model's rate, and what is known of it."""

    id: str
    language: str | None
    speaker: str | None
    text: str | None
    phonemes: tuple[str, ...]
    phoneme_starts: tuple[float, ...] | None
    samples: NDArray[np.int16]  # (T,)


class ClipWriter:
    """Writes clips to one Arrow file, block by block; memory does not grow with their number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._file, SCHEMA)
        self._rows: list[dict[str, object]] = []

    def write(self, clip: PreparedClip) -> None:
        """Append one clip."""
        row = clip._asdict()
        samples = row.pop("samples")
        self._rows.append(row | {"num_samples": len(samples), "audio": samples.tobytes()})
        if len(self._rows) >= ROWS_PER_BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_batch(pa.RecordBatch.from_pylist(self._rows, schema=SCHEMA))
        self._rows = []

    def __enter__(self) -> "ClipWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._writer.close()
        self._file.close()
        with self._path.open("rb") as stream:
            os.fsync(stream.fileno())  # or a power cut leaves a marker of completion beside an empty file


class ClipStore:
    """Random access to the clips of several Arrow files, as one sequence.

    Opening maps the files and reads nothing but their lengths; pickling carries the paths alone,
    so that loader workers map the files themselves.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        tables = [pa.ipc.open_file(pa.memory_map(str(path))).read_all() for path in self.paths]
        self._table = pa.concat_tables(tables) if tables else SCHEMA.empty_table()

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __getitem__(self, index: int) -> PreparedClip:
        row = self._table.slice(index, 1)
        starts = row["phoneme_starts"][0].as_py()
        return PreparedClip(
            id=row["id"][0].as_py(),
            language=row["language"][0].as_py(),
            speaker=row["speaker"][0].as_py(),
            text=row["text"][0].as_py(),
            phonemes=tuple(row["phonemes"][0].as_py()),
            phoneme_starts=None if starts is None else tuple(starts),
            samples=np.frombuffer(row["audio"][0].as_buffer(), dtype=np.int16),
        )

    def num_samples(self) -> NDArray[np.int64]:
        """Length of every clip, without touching audio."""
        return np.asarray(self._table["num_samples"].to_numpy(), dtype=np.int64)

    def phoneme_lists(self) -> list[list[str]]:
        """The labels of every clip, without touching audio."""
        return self._table["phonemes"].to_pylist()

    def __reduce__(self) -> tuple[type["ClipStore"], tuple[tuple[Path, ...]]]:
        return ClipStore, (self.paths,)
