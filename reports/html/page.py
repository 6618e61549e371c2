"""Build a report as one HTML file: sections, key numbers, tables, pictures. It loads no other file.

Every function returns ``Html`` and escapes every text.

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
from reports.html.markup import Html, element, join_html

_SHORT = 24  # a cell with at most so many characters stays on one line
Tone = Literal["plain", "good", "warn", "bad"]
STYLE_SHEET = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
# Nothing in a transcript or in a file's name can make a browser load another file.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"


class KeyFigure(NamedTuple):
    """A number at the top of a section: ``KeyFigure("hours", "3.2", "of 412 clips")``."""

    name: str
    value: str
    remark: str = ""


class Section(NamedTuple):
    """A part of the report with an entry in its table of contents."""

    title: str
    anchor: str
    body: Html


def page(title: str, sections: Sequence[Section], *, lead: str = "", footer: str = "") -> str:
    """Return the report as the text of one HTML file."""
    head = (
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        element("title", title),
        element("style", Html(STYLE_SHEET)),
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
    """Write a report; a failure leaves the old file."""
    write_durably(path, text)


def section(title: str, *blocks: object) -> Section:
    """Build a section; its anchor follows from its title."""
    return Section(title, anchor_of(title), join_html(blocks))


def anchor_of(title: str) -> str:
    """Return the part after ``#`` in the address of a section.

    >>> anchor_of("Phonemes & their counts")
    'phonemes-their-counts'
    """
    return re.sub(r"\W+", "-", title.lower()).strip("-") or "section"


def _with_anchors(sections: Sequence[Section]) -> list[tuple[Section, str]]:
    """Pair sections with unique anchors; sections may share a title."""
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
    """Build a paragraph of text."""
    return element("p", *content)


def heading(text: str) -> Html:
    """Build a heading within a section."""
    return element("h3", text)


def note(*content: object) -> Html:
    """Build a less prominent paragraph that explains something."""
    return element("p", *content, class_="note")


def code(text: object) -> Html:
    """Build a piece of code: a command or a name in a file."""
    return element("code", text)


def bullets(items: Sequence[object]) -> Html:
    """Build a bullet list."""
    return element("ul", [element("li", item) for item in items])


def details(summary: str, *blocks: object, is_open: bool = False) -> Html:
    """Build a folded part; it is unfolded in print."""
    return element("details", element("summary", summary), *blocks, open=is_open)


def key_figures(figures: Sequence[KeyFigure]) -> Html:
    """Show numbers side by side in large type."""
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
    """Build a coloured box for a finding or a conclusion; the label names the meaning of the colour."""
    headline = element("h3", element("span", label, class_="badge"), title)
    return element("div", headline, *blocks, class_=f"finding {tone}")


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "") -> Html:
    """Build a table that scrolls sideways if it is too wide; numbers are aligned to the right.

    A cell is text, ``Html``, a number (formatted by ``number``) or None for an empty cell.
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
    if isinstance(shown, Html) and shown.startswith("<svg"):
        return element("td", shown, class_="drawing")
    return element("td", shown, class_="short" if len(str(shown)) <= _SHORT else "long")


def number(value: object) -> str:
    """Format a number with separators of thousands and four significant digits.

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
    """Build a figure from a picture or an inline SVG, with a description for screen readers.

    A ``wide`` figure takes the width of the page; a ``tall`` one with many rows fits a sheet of paper.
    """
    return element(
        "figure",
        element("div", content, role="img", aria_label=alt),
        element("figcaption", caption) if caption else "",
        class_="wide" if wide else "tall" if tall else None,
    )


def side_by_side(*figures: Html) -> Html:
    """Show figures side by side if there is room."""
    return element("div", *figures, class_="pictures")


def image(data: bytes, *, alt: str, media_type: str = "image/png") -> Html:
    """Embed a raster image."""
    return Html('<img src="{}" alt="{}">').format(data_uri(data, media_type), alt)


def audio_player(data: bytes, *, label: str, media_type: str = "audio/wav") -> Html:
    """Embed audio with its player."""
    return element(
        "audio", src=data_uri(data, media_type), controls=True, preload="metadata", aria_label=label
    )


def data_uri(data: bytes, media_type: str) -> str:
    """Encode bytes as an address that holds them.

    >>> data_uri(b"abc", "text/plain")
    'data:text/plain;base64,YWJj'
    """
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
