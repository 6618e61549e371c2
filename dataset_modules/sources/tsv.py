r"""Tab-separated tables of Common Voice: a header, no quoting, and rows that end in ``\n``."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from untrusted.files import open_text


class TsvRow(NamedTuple):
    """One row: its cells by column name, or its fault."""

    line: int
    cells: dict[str, str]
    fault: str | None = None
    unplaced: tuple[str, ...] = ()  # the cells of a faulty row, without columns


def read_tsv(
    path: Path, required: Sequence[str] = (), columns_of: Callable[[Sequence[str]], Sequence[str]] = list
) -> Iterator[TsvRow]:
    """Yield the rows of a table in UTF-8 that has the required columns.

    ``columns_of`` turns the header into names of columns. Quotes have no meaning, because sentences contain
    single ones. A row with a wrong number of cells is yielded with its fault. Bytes that are not UTF-8 are
    kept by ``surrogateescape``, so that preparation skips only their row.
    """
    with open_text(path, errors="surrogateescape", newline="\n") as stream:
        columns = columns_of(_cells(next(stream, "")))
        check_encoding(path, columns)
        if missing := [name for name in required if name not in columns]:
            raise ValueError(f"{path}: the header must name the columns {list(required)}, it lacks {missing}")
        for line, text in enumerate(stream, start=2):
            if not text.strip("\r\n"):
                continue
            cells = _cells(text)
            if len(cells) == len(columns):
                yield TsvRow(line, dict(zip(columns, cells, strict=True)))
            else:
                fault = f"the row must have {len(columns)} cells, as the header has, not {len(cells)}"
                yield TsvRow(line, {}, fault, tuple(cells))


def check_encoding(path: Path, columns: Sequence[str]) -> None:
    """Raise ``ValueError`` for a table whose header is not UTF-8."""
    try:
        "".join(columns).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{path}: must be a table in UTF-8, its header is {ascii(columns)}") from error


def _cells(line: str) -> list[str]:
    return line.removesuffix("\n").removesuffix("\r").split("\t")
