"""A file that says what phonemes become: a JSON object, or lines of phoneme, tab, replacement."""

import json
from collections.abc import Iterable
from pathlib import Path


def read_mapping(path: Path) -> dict[str, str]:
    """Read such a file; a phoneme that stands twice is an error."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"normalisation: mapping must be a file in UTF-8, {path} is not: {error}") from error
    pairs = _json_pairs(text, path) if path.suffix.lower() == ".json" else _line_pairs(text, path)
    mapping: dict[str, str] = {}
    for old, new in pairs:
        if old in mapping:
            raise ValueError(f"normalisation: {path} must name a phoneme once, {old!r} stands there twice")
        mapping[old] = new
    return mapping


def _json_pairs(text: str, path: Path) -> list[tuple[str, str]]:
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise ValueError(f"normalisation: {path} must be JSON: {error}") from error
    is_object = isinstance(pairs, list) and all(isinstance(pair, tuple) for pair in pairs)
    if not is_object or not all(isinstance(new, str) for _, new in pairs):
        raise ValueError(f"normalisation: {path} must be one JSON object of phoneme → replacement")
    return pairs


def _line_pairs(text: str, path: Path) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        old, tab, new = line.partition("\t")
        if not tab:
            raise ValueError(
                f"normalisation: {path}: line {number} must be a phoneme, a tab and what it becomes, "
                f"got {line[:40]!r}"
            )
        yield old.strip(), new.strip()
