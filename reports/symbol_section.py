"""The section about another model's symbols: what each was mapped to, and how often it was recognised."""

from collections import Counter
from collections.abc import Sequence

from phonetics.normalisation import unescaped
from reports import html

_WAYS = {
    "declared": "by the declared table",
    "identical": "identical after normalisation",
    "several": "several phonemes in a row",
    "nearest": "nearest by articulatory features",
    "none": "without a phoneme: each one counts as an error; model.symbol_map can declare what it means",
}
_COLUMNS = 5  # symbol, phonemes, way, difference, times recognised


def symbol_section(table: str) -> html.Section | None:
    """Show the table of symbols that an evaluation of a Hugging Face model has written."""
    rows = [row for row in map(_row, table.splitlines()) if row is not None]
    notes = [line.removeprefix("#!").strip() for line in table.splitlines() if line.startswith("#!")]
    if not rows and not notes:
        return None
    counts = Counter(row[2] for row in rows)
    recognised = Counter({way: sum(int(row[4]) for row in rows if row[2] == way) for way in counts})
    return html.section(
        "Symbols",
        [html.callout("bad", "symbols", note) for note in notes],
        html.table(
            ["way", "symbols", "times recognised"],
            [[text, counts[way], recognised[way]] for way, text in _WAYS.items() if counts[way]],
        )
        if rows
        else "",
        _listed("Symbols that are not identical", [row for row in rows if row[2] != "identical"]),
        _listed("Identical symbols", [row for row in rows if row[2] == "identical"]),
    )


def _listed(title: str, rows: Sequence[Sequence[str]]) -> html.Html:
    if not rows:
        return html.Html("")
    cells: list[list[object]] = [[*row[:4], int(row[4])] for row in rows]
    return html.details(
        title, html.table(["symbol", "phonemes", "way", "difference", "times recognised"], cells)
    )


def _row(line: str) -> list[str] | None:
    """Read a row of the table; None for a heading, a note and what is damaged."""
    cells = line.removeprefix("# ").split("\t")
    usable = len(cells) == _COLUMNS and cells[2] in _WAYS and cells[4].isdecimal()
    return [unescaped(cells[0]), *cells[1:]] if usable else None
