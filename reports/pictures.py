"""Turn matplotlib figures and spectrograms into pictures of a report.

Draw with ``canvas()`` (or any ``Figure`` without pyplot) and the colours of ``COLOURS`` and ``INK``;
``inline_svg`` replaces these by variables of the style sheet, so that pictures follow light, dark and print.
Pictures with many points become raster images by ``inline_png``.
"""

import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from reports.html import Html, image
from stop_signals import stop_if_requested

# Placeholders that occur nowhere else in a drawing; each becomes a variable of page.css.
INK, FAINT_INK, GRID_INK, PAPER_INK = "#010203", "#040506", "#070809", "#0a0b0c"
COLOURS = ("#2166ad", "#c55a12", "#1b7f5d", "#a8327e", "#6a3fb6", "#857601")  # of series, in order
_VARIABLES = {INK: "--ink", FAINT_INK: "--faint", GRID_INK: "--grid", PAPER_INK: "--paper"} | {
    colour: f"--series-{number}" for number, colour in enumerate(COLOURS, start=1)
}
RANGE_DB = 80.0  # of a spectrogram, below its loudest value
_WINDOW_SECONDS = 0.025
_MOST_COLUMNS, _ROWS = 400, 100  # of a spectrogram
_WIDTH = 5.2  # inches of 72 units, so that letters keep their size on a phone
_STYLE: Any = {  # matplotlib names every key in its type
    "svg.hashsalt": "page",  # equal figures give equal text
    "svg.fonttype": "none",  # letters stay text: small, searchable, in the page's font
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
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.edgecolor": "none",
}


def canvas(
    x_label: str = "", y_label: str = "", *, width: float = _WIDTH, height: float = 2.9, grid: bool = True
) -> tuple[Figure, Axes]:
    """Create an empty figure in the report's style, in inches, without a window or global state."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots()
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.grid(visible=grid, axis="y")
    return figure, axes


def histogram(
    series: Mapping[str, NDArray[np.float64]],
    edges: Sequence[float],
    *,
    x_label: str,
    y_label: str,
    height: float = 2.9,
    mark: float | None = None,
) -> Figure:
    """Stack the counts of each series per bin; a dashed line marks a value."""
    figure, axes = canvas(x_label, y_label, height=height)
    colours = COLOURS[: len(series)]
    axes.hist([*series.values()], edges, stacked=True, color=colours, label=[*series], linewidth=0)
    if mark is not None:
        axes.axvline(mark, color=FAINT_INK, linestyle="--", linewidth=1.2)
    return figure


def inline_svg(figure: Figure) -> Html:
    """Render a figure as SVG with the colours of the report; a report may hold several."""
    stop_if_requested()
    for axes in figure.axes:
        if legend := axes.get_legend():  # drawn after ``canvas``, so in matplotlib's own style
            legend.set_frame_on(False)
    stream = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return Html(_with_own_ids(_in_page_colours(_in_page_type(_without_size(text)))))


def inline_png(figure: Figure, *, alt: str) -> Html:
    """Render a figure as a raster image with its colours unchanged, on white."""
    stream = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(stream, format="png", dpi=160, facecolor="white")
    return image(stream.getvalue(), alt=alt)


def _without_size(svg: str) -> str:
    """Remove the size; the view box keeps the proportions."""
    opening, rest = svg.split(">", 1)
    return re.sub(r'\s(?:width|height)="[^"]*"', "", opening) + ">" + rest


def _in_page_type(svg: str) -> str:
    """Use the report's font; a style sheet of the drawing would apply to the whole report."""
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)
    return re.sub(r"\s*\n\s*", " ", svg)


def _in_page_colours(svg: str) -> str:
    for colour, variable in _VARIABLES.items():
        # A presentation attribute cannot hold a variable, a style can.
        svg = re.sub(rf'\b(fill|stroke)="{colour}"', rf'style="\1: var({variable})"', svg)
        svg = svg.replace(colour, f"var({variable})")
    # SVG draws shapes without a fill in black, above all letters.
    defaults = f"fill: var({_VARIABLES[INK]}); stroke-linejoin: round; stroke-linecap: butt"
    return svg.replace("<svg ", f'<svg style="{defaults}" ', 1)


def _with_own_ids(svg: str) -> str:
    """Make the ids of a drawing unique within the report."""
    prefix = f"s{hashlib.sha256(svg.encode()).hexdigest()[:8]}-"
    used = set(re.findall(r'(?:xlink:href="|href="|url\()#([^")]+)', svg))
    svg = re.sub(
        r'\sid="([^"]*)"', lambda match: f' id="{prefix}{match[1]}"' if match[1] in used else "", svg
    )
    return re.sub(r'((?:xlink:href="|href="|url\()#)', rf"\g<1>{prefix}", svg)


def log_energy(
    waveform: NDArray[np.float32], sampling_rate: int, most_columns: int = _MOST_COLUMNS
) -> NDArray[np.float64]:
    """Compute the energy in dB below the loudest value, (frequencies, windows)."""
    import librosa  # only here: it takes seconds, and many commands draw no spectrogram

    size = max(16, int(_WINDOW_SECONDS * sampling_rate))
    padded = np.pad(waveform.astype(np.float64), (0, max(0, size - len(waveform))))
    shift = max(size // 4, -(-(len(padded) - size) // most_columns))
    power = np.abs(librosa.stft(padded, n_fft=size, hop_length=shift, center=False)) ** 2
    loudest = max(power.max(), 1e-20)  # silence stays dark
    return np.maximum(librosa.power_to_db(power, ref=loudest, amin=1e-30, top_db=None), -RANGE_DB)


def spectrogram_png(waveform: NDArray[np.float32], sampling_rate: int, most_columns: int) -> bytes:
    """Draw a small spectrogram with 256 colours and low frequencies at the bottom."""
    energy = log_energy(waveform, sampling_rate, most_columns)[::-1]
    rows = np.array_split(energy, min(_ROWS, len(energy)))
    levels = np.stack([part.max(axis=0) for part in rows]) / RANGE_DB + 1.0
    picture = Image.fromarray(np.rint(levels * 63).astype(np.uint8) * 4, mode="L").convert("P")
    palette = np.rint(mpl.colormaps["magma"](np.arange(256))[:, :3] * 255).astype(np.uint8)
    picture.putpalette(palette.tobytes())
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return stream.getvalue()
