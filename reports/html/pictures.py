"""Matplotlib figures → pictures inside a page that follow its colours into the dark and onto paper.

Draw with ``canvas()`` (or any ``Figure`` without pyplot) and the colours of ``COLOURS`` and ``INK``;
``inline_svg`` replaces these by the page's own. Pictures with many points go in as ``inline_png``.
"""

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.html.markup import Html
from reports.html.page import image
from reports.html.style import FAINT, GRID, PAPER, SERIES
from reports.html.style import INK as INK_VARIABLE

# Stand-ins that occur nowhere else in a drawing; each becomes a variable of the page's style sheet.
INK, FAINT_INK, GRID_INK, PAPER_INK = "#010203", "#040506", "#070809", "#0a0b0c"
COLOURS = ("#2166ad", "#c55a12", "#1b7f5d", "#a8327e", "#6a3fb6", "#857601")  # of series, in order
_VARIABLES = {
    INK: INK_VARIABLE,
    FAINT_INK: FAINT,
    GRID_INK: GRID,
    PAPER_INK: PAPER,
    **dict(zip(COLOURS, SERIES, strict=True)),
}
WIDTH = 5.2  # inches; of 72 units each, so that a phone shows letters in their own size
_STYLE: Any = {  # matplotlib names every key in its type
    "svg.fonttype": "none",  # letters stay letters: small, searchable, in the page's own type
    "font.family": "sans-serif",
    "font.size": 10.5,
    "text.color": INK,
    "axes.edgecolor": FAINT_INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 11.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=COLOURS),
    "xtick.color": FAINT_INK,
    "ytick.color": FAINT_INK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID_INK,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.edgecolor": "none",
}


@contextmanager
def style() -> Iterator[None]:
    """Within it, figures are made in the page's style; matplotlib's own settings come back after it."""
    with mpl.rc_context(_STYLE):
        yield


def canvas(width: float = WIDTH, height: float = 2.9, *, grid: bool = True) -> tuple[Figure, Axes]:
    """An empty figure in the page's style, inches; no window, no global state."""
    with style():
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots()
    axes.grid(visible=grid, axis="y")
    return figure, axes


def inline_svg(figure: Figure) -> Html:
    """A figure as SVG whose colours are the page's; several may stand in one page."""
    _dress_legends(figure)
    stream = io.StringIO()
    with style(), mpl.rc_context({"svg.hashsalt": "page"}):  # equal figures give equal text
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return Html(_with_own_ids(_in_page_colours(_in_page_type(_without_size(text)))))


def inline_png(figure: Figure, *, alt: str, dots_per_inch: int = 160) -> Html:
    """A figure as a raster image; its colours stay as they are, on white."""
    stream = io.BytesIO()
    with style():
        figure.savefig(stream, format="png", dpi=dots_per_inch, facecolor="white")
    return image(stream.getvalue(), alt=alt)


def _dress_legends(figure: Figure) -> None:
    """Legends come after ``canvas`` and take matplotlib's colours; give them the page's."""
    for legend in (axes.get_legend() for axes in figure.axes):
        if legend is not None:
            legend.set_frame_on(False)
            for text in legend.get_texts():
                text.set_color(INK)


def _without_size(svg: str) -> str:
    """Leave the size to the page: the view box alone keeps the proportions."""
    opening, rest = svg.split(">", 1)
    return re.sub(r'\s(?:width|height)="[^"]*"', "", opening) + ">" + rest


def _in_page_type(svg: str) -> str:
    """Letters as the page has them; a style sheet of the drawing would hold for the whole page."""
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)
    return re.sub(r"\s*\n\s*", " ", svg)


def _in_page_colours(svg: str) -> str:
    for colour, variable in _VARIABLES.items():
        # A presentation attribute cannot hold a variable, a style can.
        svg = re.sub(rf'\b(fill|stroke)="{colour}"', rf'style="\1: var({variable})"', svg)
        svg = svg.replace(colour, f"var({variable})")
    # What has no fill of its own is black in SVG: letters, above all.
    defaults = f"fill: var({INK_VARIABLE}); stroke-linejoin: round; stroke-linecap: butt"
    return svg.replace("<svg ", f'<svg style="{defaults}" ', 1)


def _with_own_ids(svg: str) -> str:
    """Names within a drawing that no other drawing of the page has."""
    prefix = f"s{hashlib.sha256(svg.encode()).hexdigest()[:8]}-"
    used = set(re.findall(r'(?:xlink:href="|href="|url\()#([^")]+)', svg))
    svg = re.sub(
        r'\sid="([^"]*)"', lambda match: f' id="{prefix}{match[1]}"' if match[1] in used else "", svg
    )
    return re.sub(r'((?:xlink:href="|href="|url\()#)', rf"\g<1>{prefix}", svg)
