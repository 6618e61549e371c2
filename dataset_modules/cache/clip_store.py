"""Prepared clips on disk: immutable Arrow files, memory-mapped, audio as 16-bit samples or FLAC."""

import io
import json
import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import soundfile
from numpy.typing import NDArray

from dataset_modules.cache.arrow_columns import (
    Bytes,
    BytesBlock,
    float_lists_column,
    integer_column,
    integers_of,
    string_column,
    string_lists_column,
)
from dataset_modules.cache.open_files import make_room

AudioStorage = Literal["pcm16", "flac"]
TextColumn = Literal["language", "speaker"]
ROWS_PER_BATCH = 64  # rows of one Arrow block, which is contiguous in the mapped file
# Mapped pages count as the process's memory; it releases them after reading so much.
_RELEASE_BYTES = 8 << 20
_STORAGE_KEY = b"audio_storage"

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("path", pa.string()),
        ("language", pa.string()),
        ("speaker", pa.string()),
        ("text", pa.string()),
        ("attributes", pa.string()),  # a JSON object
        ("phonemes", pa.list_(pa.string())),
        ("phoneme_starts", pa.list_(pa.float32())),
        ("num_samples", pa.int64()),
        ("audio", pa.binary()),
    ]
)


class ClipName(NamedTuple):
    """The columns that identify a clip."""

    id: str
    path: str
    language: str | None


class PreparedClip(NamedTuple):
    """One row: audio at the model's sampling rate, and its properties."""

    id: str
    language: str | None
    speaker: str | None
    text: str | None
    phonemes: tuple[str, ...]
    phoneme_starts: tuple[float, ...] | None
    samples: NDArray[np.int16]  # (T,)
    path: str = ""  # the recording's file; empty if it is not a file
    attributes: Mapping[str, str] | None = None


def encode_audio(samples: NDArray[np.int16], storage: AudioStorage, sampling_rate: int) -> Bytes:
    """Return the stored bytes of samples, (T,); PCM is not copied."""
    if storage == "pcm16":
        return np.ascontiguousarray(samples).view(np.uint8).data
    stream = io.BytesIO()
    soundfile.write(stream, samples, sampling_rate, format="FLAC", subtype="PCM_16")
    return stream.getvalue()


def decode_audio(content: pa.Buffer, storage: AudioStorage) -> NDArray[np.int16]:
    """Return the samples of stored bytes, (T,); the inverse of ``encode_audio``."""
    if storage == "pcm16":
        return np.frombuffer(content, dtype=np.int16)
    samples, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    return np.asarray(samples, dtype=np.int16)


class ClipWriter:
    """Writes clips to one Arrow file, block by block; memory does not grow with their number."""

    def __init__(self, path: Path, storage: AudioStorage = "pcm16", sampling_rate: int = 16000) -> None:
        self._storage = storage
        self._sampling_rate = sampling_rate
        self._file = pa.OSFile(str(path), "wb")
        self._schema = SCHEMA.with_metadata({_STORAGE_KEY: storage.encode()})
        self._writer = pa.ipc.new_file(self._file, self._schema)
        self._clips: list[PreparedClip] = []
        self._audio = BytesBlock()

    def write(self, clip: PreparedClip) -> None:
        """Append one clip."""
        self._clips.append(clip)
        self._audio.append(encode_audio(clip.samples, self._storage, self._sampling_rate))
        if len(self._clips) >= ROWS_PER_BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._clips:
            self._writer.write_batch(_block(self._clips, self._audio, self._schema))
        self._clips = []
        self._audio.clear()

    def __enter__(self) -> "ClipWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._writer.close()
        self._file.close()


def _block(clips: Sequence[PreparedClip], audio: BytesBlock, schema: pa.Schema) -> pa.RecordBatch:
    attributes = [
        json.dumps(dict(clip.attributes), ensure_ascii=False) if clip.attributes else None for clip in clips
    ]
    columns = {
        "id": string_column([clip.id for clip in clips]),
        "path": string_column([clip.path for clip in clips]),
        "language": string_column([clip.language for clip in clips]),
        "speaker": string_column([clip.speaker for clip in clips]),
        "text": string_column([clip.text for clip in clips]),
        "attributes": string_column(attributes),
        "phonemes": string_lists_column([clip.phonemes for clip in clips]),
        "phoneme_starts": float_lists_column([clip.phoneme_starts for clip in clips]),
        "num_samples": integer_column([len(clip.samples) for clip in clips]),
        "audio": audio.column(pa.binary()),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


class ClipStore:
    """Random access to the clips of several Arrow files, as one sequence.

    Opening maps the files and reads only their lengths. Pickling stores only the paths, so that loader
    workers map the files themselves.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        make_room(len(self.paths))
        self._maps = [_map(path) for path in self.paths]
        tables = [pa.ipc.open_file(pa.BufferReader(pa.py_buffer(pages))).read_all() for pages in self._maps]
        self._blocks = [block for table in tables for block in table.to_batches()]
        self._map_of_block = [
            pages for pages, table in zip(self._maps, tables, strict=True) for _ in table.to_batches()
        ]
        self._ends = np.cumsum([block.num_rows for block in self._blocks], dtype=np.int64)
        metadata = (tables[0].schema.metadata or {}) if tables else {}
        self._storage: AudioStorage = "flac" if metadata.get(_STORAGE_KEY) == b"flac" else "pcm16"
        self._touched_maps: set[mmap.mmap] = set()
        self._touched_bytes = 0
        self._release(self._maps)

    def __len__(self) -> int:
        return int(self._ends[-1]) if self._blocks else 0

    def __getitem__(self, index: int) -> PreparedClip:
        block, row = self._place(index)
        starts = block["phoneme_starts"][row].as_py()
        attributes = block["attributes"][row].as_py()
        audio = block["audio"][row].as_buffer()
        self._touched_bytes += audio.size
        return PreparedClip(
            id=block["id"][row].as_py(),
            language=block["language"][row].as_py(),
            speaker=block["speaker"][row].as_py(),
            text=block["text"][row].as_py(),
            phonemes=tuple(block["phonemes"][row].as_py()),
            phoneme_starts=None if starts is None else tuple(starts),
            samples=decode_audio(audio, self._storage),
            path=block["path"][row].as_py(),
            attributes=json.loads(attributes) if attributes else None,
        )

    def name_of(self, index: int) -> ClipName:
        """Return the id, path and language of a clip without reading audio."""
        block, row = self._place(index)
        return ClipName(*(block[column][row].as_py() for column in ClipName._fields))

    def num_samples(self) -> NDArray[np.int64]:
        """Return the length of every clip, (N,), without reading audio."""
        lengths = [integers_of(block["num_samples"]) for block in self._blocks]
        joined = np.concatenate(lengths) if lengths else np.zeros(0, dtype=np.int64)
        self._release(self._maps)
        return joined

    def texts(self, column: TextColumn) -> list[str | None]:
        """Return a property of every clip without reading audio."""
        found = [value for block in self._blocks for value in block[column].to_pylist()]
        self._release(self._maps)
        return found

    def phoneme_lists(self) -> Iterator[list[str]]:
        """Yield the label of every clip without reading audio."""
        for block in self._blocks:
            yield from block["phonemes"].to_pylist()
        self._release(self._maps)

    def _place(self, index: int) -> tuple[pa.RecordBatch, int]:
        """Return the block that holds a clip, and the clip's row in it."""
        if not 0 <= index < len(self):
            raise IndexError(f"ClipStore: index must be in 0…{len(self) - 1}, got {index}")
        number = int(np.searchsorted(self._ends, index, side="right"))
        self._touch(self._map_of_block[number])
        return self._blocks[number], index - int(self._ends[number]) + self._blocks[number].num_rows

    def _touch(self, pages: mmap.mmap) -> None:
        """Register a file before it is read, and release pages that were read before."""
        if self._touched_bytes > _RELEASE_BYTES:
            self._release(self._touched_maps)
            self._touched_maps.clear()
            self._touched_bytes = 0
        self._touched_maps.add(pages)

    @staticmethod
    def _release(maps: Iterable[mmap.mmap]) -> None:
        """Release mapped pages; existing views read them again from the page cache."""
        for pages in maps:
            pages.madvise(mmap.MADV_DONTNEED)

    def __reduce__(self) -> tuple[type["ClipStore"], tuple[tuple[Path, ...]]]:
        return ClipStore, (self.paths,)


class ClipSelection:
    """The clips of several stores, one after another; ``rows`` selects some of each store."""

    def __init__(self, stores: Sequence[ClipStore], rows: Sequence[NDArray[np.int64]] | None = None) -> None:
        self._stores = stores
        self._rows = [np.arange(len(store)) for store in stores] if rows is None else rows
        self._ends = np.cumsum([len(selected) for selected in self._rows], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __iter__(self) -> Iterator[PreparedClip]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> PreparedClip:
        store, row = self._place(index)
        return store[row]

    def name_of(self, index: int) -> ClipName:
        """Return the id, path and language of a clip without reading audio."""
        store, row = self._place(index)
        return store.name_of(row)

    def id_of(self, index: int) -> str:
        """Return the id of a clip without reading audio."""
        return self.name_of(index).id

    def num_samples(self) -> NDArray[np.int64]:
        """Return the length of every clip, (N,), without reading audio."""
        lengths = [store.num_samples()[rows] for store, rows in zip(self._stores, self._rows, strict=True)]
        return np.concatenate(lengths) if lengths else np.zeros(0, dtype=np.int64)

    def texts_by_store(self, column: TextColumn) -> list[list[str | None]]:
        """Return a property of every clip, store by store, without reading audio."""
        by_store = [store.texts(column) for store in self._stores]
        return [[texts[row] for row in rows] for texts, rows in zip(by_store, self._rows, strict=True)]

    def _place(self, index: int) -> tuple[ClipStore, int]:
        """Return the store that holds a clip, and the clip's row in it."""
        number = int(np.searchsorted(self._ends, index, side="right"))
        return self._stores[number], int(self._rows[number][index - self._ends[number]])  # from the end


def _map(path: Path) -> mmap.mmap:
    with path.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
