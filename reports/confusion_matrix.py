"""The confusion matrix as a drawing: references against hypotheses, sorted by articulation."""

from itertools import groupby

from evaluation.error_analysis import SplitAnalysis
from phonetics.articulation import MANNERS
from phonetics.confusions import phoneme_scores
from reports import html
from reports.html import Html, element

_CELL = 17
_EDGE = 54  # left and top, for the names of phonemes
_MISSED, _ADDED = "deleted", "inserted"
_PLURALS = {"liquid or glide": "liquids and glides", "unknown": "phonemes without features"}


def confusion_matrix(analysis: SplitAnalysis) -> Html:
    """Draw references as rows and hypotheses as columns; the drawing scrolls if it is too wide."""
    names = analysis.inventory.by_articulation()
    size = _CELL * (len(names) + 1)
    shapes = [*_group_lines(analysis, names, _EDGE + size), *_cells(analysis, names), *_names(names)]
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
        + html.wide_drawing(shapes, _EDGE + size + 30, _EDGE + size + 6, kind="matrix", alt=alt)
        + html.note(
            "Rows: reference; columns: hypothesis. Blue: correct; stronger colours are larger shares. "
            "Orange: errors with their counts; stronger colours are larger shares of the row. The last "
            f"column counts deletions, the last row insertions. Sorted by manner: {', '.join(manners)}, "
            "consonants from the lips to the glottis, vowels from close to open and front to back."
        )
    )


def _cells(analysis: SplitAnalysis, names: list[str]) -> list[Html]:
    scores, counts = phoneme_scores(analysis.counts), analysis.counts
    starts = {name: _EDGE + _CELL * place for place, name in enumerate([*names, None])}
    cells = []
    for (reference, hypothesis), count in sorted(counts.items(), key=str):
        spoken = scores[reference].spoken if reference is not None else scores[str(hypothesis)].recognised
        share = count / max(1, spoken)
        x, y = starts[hypothesis], starts[reference]
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


def _names(names: list[str]) -> list[Html]:
    starts = [(name, _EDGE + _CELL * place) for place, name in enumerate([*names, None])]
    near = _EDGE - 5
    rows = [element("text", name or _ADDED, x=near, y=start + 13, class_="row") for name, start in starts]
    columns = [
        element("text", name or _MISSED, x=x, y=near, transform=f"rotate(-60 {x} {near})", class_="column")
        for name, x in ((name, start + 12) for name, start in starts)
    ]
    return rows + columns


def _group_lines(analysis: SplitAnalysis, names: list[str], end: int) -> list[Html]:
    """Draw thin lines between manners of articulation."""
    lines, place = [], 0
    for _, group in groupby(names, key=analysis.inventory.manner_of):
        place += len(list(group))
        middle = _EDGE + _CELL * place - 0.5
        lines.append(element("line", x1=middle, x2=middle, y1=_EDGE, y2=end))
        lines.append(element("line", x1=_EDGE, x2=end, y1=middle, y2=middle))
    return lines
