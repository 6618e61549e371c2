"""WAV files whose header states no samples, although there are some: a program wrote them into a pipe.

Such a program cannot go back to the header at the end. ffmpeg leaves 2³² - 1 there, which libsndfile
understands; others leave 0, which it takes for an empty recording.
"""

import io
import struct
from pathlib import Path
from typing import Any, BinaryIO

from typing_extensions import override

_UNSTATED = b"\xff\xff\xff\xff"
_MOST_CHUNKS = 64  # before the samples
_HEAD = 8  # bytes before a chunk's content: its name and its size


def with_unstated_length(file: Path | io.BytesIO) -> BinaryIO | None:
    """Return a WAV file that states no samples with a header that states no end; None for other files."""
    with file.open("rb") if isinstance(file, Path) else io.BytesIO(file.getbuffer()) as stream:
        place = _zero_size(stream)
    if place is None:
        return None
    return _Overlaid(file, place) if isinstance(file, Path) else _overlaid_copy(file, place)


def _zero_size(stream: BinaryIO) -> int | None:
    """Return where the header states that no samples follow, although something follows."""
    if stream.read(4) != b"RIFF" or stream.read(8)[4:] != b"WAVE":
        return None
    end = stream.seek(0, io.SEEK_END)
    place = 12
    for _ in range(_MOST_CHUNKS):
        name, size = _chunk(stream, place)
        if name == b"data":
            is_empty = size or place + _HEAD == end or _is_a_chain(stream, place + _HEAD, end)
            return None if is_empty else place + 4
        place += _HEAD + size + size % 2
    return None


def _chunk(stream: BinaryIO, place: int) -> tuple[bytes, int]:
    stream.seek(place)
    head = stream.read(_HEAD)
    return head[:4], struct.unpack("<I", head[4:])[0] if len(head) == _HEAD else 0


def _is_a_chain(stream: BinaryIO, place: int, end: int) -> bool:
    """Return whether chunks follow, to the end of the file: then there are no samples."""
    for _ in range(_MOST_CHUNKS):
        name, size = _chunk(stream, place)
        place += _HEAD + size + size % 2
        if place >= end or not name.isascii() or not name.decode().isprintable():
            return end <= place <= end + 1 and name.isascii()
    return False


class _Overlaid(io.FileIO):
    """A file on disk, four bytes of which read as another length."""

    def __init__(self, path: Path, place: int) -> None:
        super().__init__(path)
        self._place = place

    @override
    def readinto(self, buffer: Any) -> int:
        start, count = self.tell(), super().readinto(buffer) or 0
        view = memoryview(buffer).cast("B")
        for place in range(max(self._place, start), min(self._place + 4, start + count)):
            view[place - start] = _UNSTATED[0]
        return count


def _overlaid_copy(file: io.BytesIO, place: int) -> io.BytesIO:
    content = bytearray(file.getbuffer())
    content[place : place + 4] = _UNSTATED
    return io.BytesIO(content)
