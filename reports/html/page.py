"""A page in one file: title, sections, key figures, tables, pictures; nothing is fetched from anywhere.

Every function gives ``Html``; every text that goes in is escaped.

>>> body = section("Lengths", paragraph("Clips last 1 to 9 s."), table(["split", "h"], [["train", 2.5]]))
>>> page("Data of demo", [body]).startswith("<!doctype html>")
True
"""

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from durable_files import write_durably
from reports.html.markup import Html, element, escape, joined
from reports.html.style import SHEET

Tone = Literal["plain", "good", "warn", "bad"]
# Whoever opens the page is not led elsewhere by anything that a transcript or a file's name may hold.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"


class KeyFigure(NamedTuple):
    """One figure to be seen first: ``KeyFigure("hours", "3.2", "of 412 clips")``."""

    name: str
    value: str
    remark: str = ""


class Section(NamedTuple):
    """A part of a page that its table of contents names."""

    title: str
    anchor: str
    body: Html


def page(title: str, sections: Sequence[Section], *, lead: str = "", footer: str = "") -> str:
    """The whole page as the text of one HTML file."""
    head = (
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        element("title", title),
        element("style", Html(SHEET)),
    )
    body = (
        element("header", element("h1", title), element("p", lead, class_="lead") if lead else ""),
        _contents(sections),
        element("main", [_section(part, anchor) for part, anchor in _with_anchors(sections)]),
        element("footer", footer) if footer else "",
    )
    document = element("html", element("head", *head), "\n", element("body", *body), lang="en")
    return f"<!doctype html>\n{document}\n"


def write_page(path: Path, text: str) -> None:
    """Write a page to its place, whole."""
    write_durably(path, text)


def section(title: str, *blocks: object) -> Section:
    """A titled part; its anchor follows from the title."""
    return Section(title, anchor_of(title), joined(blocks))


def anchor_of(title: str) -> str:
    """What stands behind ``#`` in the address of a section.

    >>> anchor_of("Phonemes & their counts")
    'phonemes-their-counts'
    """
    return re.sub(r"\W+", "-", title.lower()).strip("-") or "section"


def _with_anchors(sections: Sequence[Section]) -> list[tuple[Section, str]]:
    """Sections with anchors that differ, whatever their titles."""
    taken: dict[str, int] = {}
    pairs = []
    for part in sections:
        taken[part.anchor] = number = taken.get(part.anchor, 0) + 1
        pairs.append((part, part.anchor if number == 1 else f"{part.anchor}-{number}"))
    return pairs


def _contents(sections: Sequence[Section]) -> Html:
    if len(sections) < 2:
        return Html("")
    links = [
        element("li", element("a", part.title, href=f"#{anchor}")) for part, anchor in _with_anchors(sections)
    ]
    return element("nav", element("ul", links), aria_label="Contents")


def _section(part: Section, anchor: str) -> Html:
    return element("section", element("h2", part.title), part.body, "\n", id=anchor)


def paragraph(*content: object) -> Html:
    """A paragraph of text."""
    return element("p", *content)


def heading(text: str) -> Html:
    """A heading within a section."""
    return element("h3", text)


def note(*content: object) -> Html:
    """A paragraph that explains, less prominent."""
    return element("p", *content, class_="note")


def code(text: object) -> Html:
    """Something to be typed, or a name as it stands in a file."""
    return element("code", text)


def bullets(items: Sequence[object]) -> Html:
    """A list of points."""
    return element("ul", [element("li", item) for item in items])


def details(summary: str, *blocks: object, is_open: bool = False) -> Html:
    """What unfolds when asked; on paper it is unfolded."""
    return element("details", element("summary", summary), *blocks, open=is_open)


def key_figures(figures: Sequence[KeyFigure]) -> Html:
    """Figures side by side, large."""
    cards = [
        element(
            "div",
            element("dt", figure.name),
            element("dd", figure.value, element("small", figure.remark) if figure.remark else ""),
        )
        for figure in figures
    ]
    return element("dl", cards, class_="key-figures")


def callout(tone: Tone, label: str, title: str, *blocks: object) -> Html:
    """A box that stands out: a finding, a verdict; the label says in a word what the colour does."""
    headline = element("h3", element("span", label, class_="badge"), title)
    return element("div", headline, *blocks, class_=f"finding {tone}")


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "") -> Html:
    """A table that scrolls sideways where it is too wide; numbers are aligned to the right.

    A cell is text, ``Html``, a number (shown as ``number`` does) or None for an empty one.
    """
    for row in rows:
        if len(row) != len(headers):
            raise ValueError(f"table: every row must have {len(headers)} cells, one has {len(row)}")
    numeric = [_is_numeric([row[column] for row in rows]) for column in range(len(headers))]
    head = [
        element("th", header, class_="number" if is_number else None, scope="col")
        for header, is_number in zip(headers, numeric, strict=True)
    ]
    body = [element("tr", [_cell(*pair) for pair in zip(row, numeric, strict=True)]) for row in rows]
    whole = element(
        "table",
        element("caption", caption) if caption else "",
        element("thead", element("tr", head)),
        element("tbody", body),
    )
    name = caption or ", ".join(headers)
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=name)


def _is_numeric(cells: Sequence[object]) -> bool:
    return any(isinstance(cell, (int, float)) for cell in cells) and all(
        cell is None or isinstance(cell, (int, float)) for cell in cells
    )


def _cell(value: object, is_number: bool) -> Html:
    if is_number:
        return element("td", "" if value is None else number(value), class_="number")
    shown = "" if value is None else value
    if str(shown).startswith("<svg"):
        return element("td", shown, class_="drawing")
    return element("td", shown, class_="short" if len(str(shown)) <= _SHORT else "long")


_SHORT = 24  # characters up to which a cell is not broken into lines; longer ones get room to be read


def number(value: object) -> str:
    """A number for people: thousands set apart, four digits that count.

    >>> number(1234567), number(0.123456), number(12.0), number(1234.5678), number(float("nan"))
    ('1,234,567', '0.1235', '12', '1,235', '–')
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if value != value:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def figure(content: Html, *, alt: str, caption: str = "", wide: bool = False, tall: bool = False) -> Html:
    """A picture, made by ``reports.html.pictures`` or any inline SVG, with the words for who cannot see it.

    ``wide`` gives it the width of the page; ``tall`` keeps one with many rows on one sheet of paper.
    """
    return element(
        "figure",
        element("div", content, role="img", aria_label=alt),
        element("figcaption", caption) if caption else "",
        class_="wide" if wide else "tall" if tall else None,
    )


def pictures(*figures: Html) -> Html:
    """Figures side by side where there is room."""
    return element("div", *figures, class_="pictures")


def image(data: bytes, *, alt: str, media_type: str = "image/png") -> Html:
    """A raster image inside the page."""
    return Html(f'<img src="{data_uri(data, media_type)}" alt="{escape(alt)}">')


def audio_player(data: bytes, *, label: str, media_type: str = "audio/wav") -> Html:
    """A player with its sound inside the page."""
    return element(
        "audio", src=data_uri(data, media_type), controls=True, preload="metadata", aria_label=label
    )


def data_uri(data: bytes, media_type: str) -> str:
    """Bytes as an address that holds them.

    >>> data_uri(b"abc", "text/plain")
    'data:text/plain;base64,YWJj'
    """
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
