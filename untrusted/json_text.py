"""JSON, read as data of the shape that is expected; and written so that it can be shown."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from untrusted.files import MOST_BYTES, FileError, read_lines, read_text
from untrusted.printing import printable
from untrusted.shapes import ShapeError, conform

MOST_LINE_BYTES = 8 * 2**20


def read_json(path: Path, shape: Any = Any, *, most_bytes: int = MOST_BYTES) -> Any:  # noqa: ANN401 - any data
    """Read a file of JSON; refuse one of another shape, a type such as ``dict[str, float]``."""
    return parse_json(read_text(path, most_bytes=most_bytes), path, shape)


def read_json_lines(path: Path, shape: Any = Any) -> Iterator[Any]:  # noqa: ANN401 - any data
    """Yield the values of a file with one on each line; empty lines are passed over."""
    for number, line in enumerate(read_lines(path, most_bytes=MOST_LINE_BYTES), start=1):
        if line.strip():
            yield parse_json(line, f"{path}, line {number}", shape)


def parse_json(text: str, source: object, shape: Any = Any) -> Any:  # noqa: ANN401 - any data
    """Return the value of a text; ``source`` names it in messages.

    >>> parse_json('{"a": [1, 2]}', "a text", dict[str, list[int]])
    {'a': [1, 2]}
    """
    try:
        return conform(json.loads(text, object_pairs_hook=_without_repetition), shape)
    except RecursionError:
        reason = "it is nested too deeply"
    except json.JSONDecodeError as error:
        reason = f"{error.msg} (line {error.lineno})" if text.strip() else "it is empty"
    except ValueError as error:  # a repeated key, a number of thousands of digits, another shape
        reason = str(error)
        if isinstance(error, ShapeError):
            raise FileError(f"{printable(source)}: {printable(reason)}") from error
    raise FileError(f"{printable(source)} must be JSON: {printable(reason)}")


def json_line(value: object) -> str:
    r"""Write a value in one line that a terminal may show, with the escapes of JSON.

    >>> json_line({"мост": "\x9b"})
    '{"мост": "\\u009b"}'
    """
    text = json.dumps(value, ensure_ascii=False)
    if printable(text) == text:
        return text
    return "".join(one if printable(one) == one else json.dumps(one)[1:-1] for one in text)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in found if keys.count(key) > 1)
        raise ValueError(f"the key {repeated[:80]!r} must stand once")
    return found
