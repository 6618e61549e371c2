"""Arrow columns, built from their buffers.

``pyarrow.array`` imports pandas if it is installed, in every process: seconds, and tens of megabytes.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Bytes = bytes | memoryview


def binary_column(values: Sequence[Bytes | None], kind: pa.DataType) -> pa.Array:
    """Return bytes as a binary column, or UTF-8 bytes as a string column.

    >>> binary_column(["да".encode(), None], pa.string()).to_pylist()
    ['да', None]
    """
    content = [b"" if value is None else value for value in values]
    buffers = [_validity(values), _offsets(content), pa.py_buffer(b"".join(content))]
    return pa.Array.from_buffers(kind, len(values), buffers)


class BytesBlock:
    """The bytes of many rows, in memory that the next block reuses.

    New memory costs more time than the copy, because its pages must be allocated and zeroed.
    """

    def __init__(self) -> None:
        self._content: NDArray[np.uint8] = np.empty(0, dtype=np.uint8)
        self._ends = [0]

    def __len__(self) -> int:
        return len(self._ends) - 1

    def append(self, value: Bytes) -> None:
        """Append a copy of a row."""
        start, end = self._ends[-1], self._ends[-1] + len(value)
        if end > len(self._content):
            grown = np.empty(max(end, 2 * len(self._content)), dtype=np.uint8)
            grown[:start] = self._content[:start]
            self._content = grown
        self._content[start:end] = np.frombuffer(value, dtype=np.uint8)
        self._ends.append(end)

    def column(self, kind: pa.DataType) -> pa.Array:
        """Return the rows in this block's memory; write the column before ``clear``."""
        _check_offsets(self._ends[-1])
        offsets = pa.py_buffer(np.array(self._ends, dtype=np.int32))
        content = pa.py_buffer(self._content[: self._ends[-1]])
        return pa.Array.from_buffers(kind, len(self), [None, offsets, content])

    def clear(self) -> None:
        """Remove all rows and keep the memory."""
        self._ends = [0]


def string_column(values: Sequence[str | None]) -> pa.Array:
    """Return a column of texts."""
    return binary_column([None if value is None else value.encode() for value in values], pa.string())


def string_lists_column(values: Sequence[Sequence[str]]) -> pa.Array:
    """Return a column of lists of texts.

    >>> string_lists_column([("d", "a"), ()]).to_pylist()
    [['d', 'a'], []]
    """
    child = string_column([text for value in values for text in value])
    return _list_column(values, child)


def float_lists_column(values: Sequence[Sequence[float] | None]) -> pa.Array:
    """Return a column of lists of numbers; a list can be missing.

    >>> float_lists_column([(0.0, 0.5), None]).to_pylist()
    [[0.0, 0.5], None]
    """
    flat = np.array([number for value in values for number in value or ()], dtype=np.float32)
    return _list_column(values, pa.Array.from_buffers(pa.float32(), len(flat), [None, pa.py_buffer(flat)]))


def integer_column(values: Sequence[int]) -> pa.Array:
    """Return a column of integers.

    >>> integers_of(integer_column([3, 4])).tolist()
    [3, 4]
    """
    content = pa.py_buffer(np.array(values, dtype=np.int64))
    return pa.Array.from_buffers(pa.int64(), len(values), [None, content])


def integers_of(column: pa.Array) -> NDArray[np.int64]:
    """Return the numbers of a column without missing values; no copy is made."""
    return np.frombuffer(column.buffers()[1], dtype=np.int64, count=len(column), offset=8 * column.offset)


def _list_column(values: Sequence[Sequence[object] | None], child: pa.Array) -> pa.Array:
    buffers = [_validity(values), _offsets([value or () for value in values])]
    return pa.Array.from_buffers(pa.list_(child.type), len(values), buffers, children=[child])


def _offsets(values: Sequence[Sequence[object] | Bytes]) -> pa.Buffer:
    ends = np.cumsum([0, *map(len, values)], dtype=np.int64)
    _check_offsets(int(ends[-1]))
    return pa.py_buffer(ends.astype(np.int32))


def _check_offsets(num_bytes: int) -> None:
    if num_bytes > np.iinfo(np.int32).max:
        raise OverflowError(f"Arrow: a block must hold 2 GB of a column at most, got {num_bytes} bytes")


def _validity(values: Sequence[object]) -> pa.Buffer | None:
    present = np.array([value is not None for value in values], dtype=np.bool_)
    return None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little"))
