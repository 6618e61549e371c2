r"""Tab-separated tables as Common Voice writes them: a header, no quoting, ``\n`` alone ends a row."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class TsvRow(NamedTuple):
    """One row: its cells by column name, or what is wrong with it."""

    line: int
    cells: dict[str, str]
    fault: str | None = None
    unplaced: tuple[str, ...] = ()  # cells of a faulty row, whose columns are not known


def read_tsv(path: Path, required: Sequence[str] = ()) -> Iterator[TsvRow]:
    """The rows of a table, one after the other.

    Quotes mean nothing: sentences hold lone ones, and a reader that minds them swallows rows. A row
    that is not as wide as the header is given with its fault instead of cells put under wrong names.
    Bytes that are no UTF-8 are kept as ``surrogateescape`` does, so that preparation refuses their row alone.

    Args:
        path: the table, in UTF-8.
        required: columns that must be there.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as stream:
        columns = _cells(next(stream, ""))
        check_encoding(path, columns)
        _check_columns(path, columns, required)
        for line, text in enumerate(stream, start=2):
            if text.strip("\r\n"):
                yield _row(line, _cells(text), columns)


def check_encoding(path: Path, columns: Sequence[str]) -> None:
    """Refuse a table whose header is no UTF-8: it is another encoding, or no table."""
    try:
        "".join(columns).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{path}: must be a table in UTF-8, its header is {ascii(columns)}") from error


def _cells(line: str) -> list[str]:
    return line.removesuffix("\n").removesuffix("\r").split("\t")


def _check_columns(path: Path, columns: Sequence[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in columns]
    if missing:
        raise ValueError(f"{path}: the header must name the columns {list(required)}, it lacks {missing}")


def _row(line: int, cells: Sequence[str], columns: Sequence[str]) -> TsvRow:
    if len(cells) != len(columns):
        fault = f"the row must have {len(columns)} cells, as the header has, not {len(cells)}"
        return TsvRow(line, {}, fault, tuple(cells))
    return TsvRow(line, dict(zip(columns, cells, strict=True)))
