"""The confusion matrix as a drawing: references against hypotheses, sorted by articulation."""

from itertools import groupby

from evaluation.error_analysis import SplitAnalysis
from phonetics.articulation import MANNERS
from phonetics.confusions import phoneme_scores
from reports import html
from reports.html import Html, element

_CELL = 17
_LEFT, _TOP = 54, 54  # for the names of phonemes
_MISSED, _ADDED = "deleted", "inserted"
_PLURALS = {"liquid or glide": "liquids and glides", "unknown": "phonemes without features"}


def confusion_matrix(analysis: SplitAnalysis) -> Html:
    """Draw references as rows and hypotheses as columns; the drawing scrolls if it is too wide."""
    names = analysis.inventory.by_articulation()
    rows, columns = [*names, None], [*names, None]
    width, height = _LEFT + _CELL * len(columns) + 30, _TOP + _CELL * len(rows) + 6
    shapes = [
        *_group_lines(analysis, names, len(rows), len(columns)),
        *_cells(analysis, rows, columns),
        *_names(rows, columns),
    ]
    manners = [
        _PLURALS.get(manner, f"{manner}s")
        for manner in MANNERS
        if any(analysis.inventory.manner_of(name) == manner for name in names)
    ]
    alt = (
        "Confusion matrix: references in rows, hypotheses in columns; the lists above and below hold its "
        "numbers"
    )
    return (
        html.heading("Confusion matrix")
        + html.wide_drawing(shapes, width, height, kind="matrix", alt=alt)
        + html.note(
            "Rows: reference; columns: hypothesis. Blue: correct; stronger colours are larger shares. "
            "Orange: errors with their counts; stronger colours are larger shares of the row. The last "
            f"column counts deletions, the last row insertions. Sorted by manner: {', '.join(manners)}, "
            "consonants from the lips to the glottis, vowels from close to open and front to back."
        )
    )


def _cells(analysis: SplitAnalysis, rows: list[str | None], columns: list[str | None]) -> list[Html]:
    scores, counts = phoneme_scores(analysis.counts), analysis.counts
    row_of = {name: place for place, name in enumerate(rows)}
    column_of = {name: place for place, name in enumerate(columns)}
    cells = []
    for (reference, hypothesis), count in sorted(counts.items(), key=str):
        spoken = scores[reference].spoken if reference is not None else scores[str(hypothesis)].recognised
        share = count / max(1, spoken)
        x, y = _LEFT + _CELL * column_of[hypothesis], _TOP + _CELL * row_of[reference]
        right = reference == hypothesis
        title = f"[{reference or _ADDED}] recognised as [{hypothesis or _MISSED}]: {count} of {spoken}"
        strength = 0.12 + 0.88 * (share if right else min(1.0, share * 3))
        cells.append(
            element(
                "g",
                element("title", title),
                element(
                    "rect",
                    x=x,
                    y=y,
                    width=_CELL - 1,
                    height=_CELL - 1,
                    class_="right" if right else "wrong",
                    fill_opacity=f"{strength:.2f}",
                ),
                "" if right else _count(count, x, y, strong=strength > 0.6),
            )
        )
    return cells


def _count(count: int, x: int, y: int, *, strong: bool) -> Html:
    shown = str(count) if count < 1000 else f"{count // 1000}k"
    place = {"x": x + (_CELL - 1) / 2, "y": y + _CELL - 5}
    return element("text", shown, **place, class_="count strong" if strong else "count")


def _names(rows: list[str | None], columns: list[str | None]) -> list[Html]:
    left = [
        element("text", name or _ADDED, x=_LEFT - 5, y=_TOP + _CELL * place + 13, class_="row")
        for place, name in enumerate(rows)
    ]
    above = []
    for place, name in enumerate(columns):
        x, y = _LEFT + _CELL * place + 12, _TOP - 5
        above.append(
            element("text", name or _MISSED, x=x, y=y, transform=f"rotate(-60 {x} {y})", class_="column")
        )
    return left + above


def _group_lines(analysis: SplitAnalysis, names: list[str], num_rows: int, num_columns: int) -> list[Html]:
    """Draw thin lines between manners of articulation."""
    lines, place = [], 0
    right, bottom = _LEFT + _CELL * num_columns, _TOP + _CELL * num_rows
    for _, group in groupby(names, key=analysis.inventory.manner_of):
        place += len(list(group))
        x, y = _LEFT + _CELL * place - 0.5, _TOP + _CELL * place - 0.5
        lines.append(element("line", x1=x, x2=x, y1=_TOP, y2=bottom))
        lines.append(element("line", x1=_LEFT, x2=right, y1=y, y2=y))
    return lines
