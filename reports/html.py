"""Build a report as one HTML file: sections, key metrics, tables, pictures. It loads no other file.

Every function returns ``Html``, which no text can break: text that joins markup is escaped.

>>> body = section("Lengths", paragraph("Clips last 1 to 9 s."), table(["split", "h"], [["train", 2.5]]))
>>> page("Data of demo", [body]).startswith("<!doctype html>")
True
"""

import base64
import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, Self

from markupsafe import Markup

from untrusted.printing import printable_lines

_SHORT = 24  # a cell with at most so many characters stays on one line
Tone = Literal["plain", "good", "warn", "bad"]
STYLE_SHEET = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
# Nothing in a transcript or in a file's name can make a browser load another file.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
# Characters that XML and HTML forbid; undecodable bytes of file names are lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Html(Markup):
    """Markup of a page; concatenating, formatting and joining escape any other text.

    >>> Html("<b>") + "1 < 2", Html("<i>{}</i>").format("a & b")
    (Html('<b>1 &lt; 2'), Html('<i>a &amp; b</i>'))
    """

    __slots__ = ()

    @classmethod
    def escape(cls, s: object, /) -> Self:
        """Return markup unchanged and everything else as escaped text."""
        if isinstance(s, Markup):
            return super().escape(s)
        # Bidirectional controls would change the order of what stands around a name.
        return super().escape(printable_lines(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(s))))


def element(tag: str, *children: object, **attributes: object) -> Html:
    """Build an element around its escaped children.

    A trailing underscore is dropped from an attribute's name, and other underscores become hyphens.
    True gives an attribute without a value; None and False give no attribute.

    >>> str(element("p", "1 < 2", class_="note", hidden=True, title=None))
    '<p class="note" hidden>1 &lt; 2</p>'
    """
    opening = "".join(_attribute(name, value) for name, value in attributes.items())
    return Html(f"<{tag}{opening}>{join_html(children)}</{tag}>")


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    key = name.rstrip("_").replace("_", "-")
    return f" {key}" if value is True else f' {key}="{Html.escape(str(value))}"'


def join_html(children: object) -> Html:
    """Join the escaped children; lists among them are flattened.

    >>> str(join_html(["a<", [Html("<br>"), 3]]))
    'a&lt;<br>3'
    """
    if isinstance(children, (list, tuple)):
        return Html("").join(join_html(child) for child in children)
    return Html.escape(children)


class KeyMetric(NamedTuple):
    """A number at the top of a section: ``KeyMetric("hours", "3.2", "of 412 clips")``."""

    name: str
    value: str
    remark: str = ""


class Section(NamedTuple):
    """A part of the report with an entry in its table of contents."""

    title: str
    body: Html


def page(title: str, sections: Sequence[Section | None], *, lead: str = "", footer: str = "") -> str:
    """Return the report as the text of one HTML file; sections that are None have nothing to show."""
    head = (
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        element("title", title),
        element("style", Html(STYLE_SHEET)),
    )
    shown = [part for part in sections if part is not None]
    anchors = _anchors([part.title for part in shown])
    parts = list(zip(shown, anchors, strict=True))
    links = [element("li", element("a", part.title, href=f"#{anchor}")) for part, anchor in parts]
    body = (
        element("header", element("h1", title), element("p", lead, class_="lead") if lead else ""),
        element("nav", element("ul", links), aria_label="Contents") if len(links) > 1 else "",
        element(
            "main",
            [
                element("section", element("h2", part.title), part.body, "\n", id=anchor)
                for part, anchor in parts
            ],
        ),
        element("footer", footer) if footer else "",
    )
    document = element("html", element("head", *head), "\n", element("body", *body), lang="en")
    return f"<!doctype html>\n{document}\n"


def _anchors(titles: Sequence[str]) -> list[str]:
    """Return the unique parts after ``#`` in the addresses of sections, which may share a title.

    >>> _anchors(["Phonemes & their counts", "Loss", "Loss"])
    ['phonemes-their-counts', 'loss', 'loss-2']
    """
    taken: Counter[str] = Counter()
    anchors = []
    for title in titles:
        anchor = re.sub(r"\W+", "-", title.lower()).strip("-") or "section"
        taken[anchor] += 1
        anchors.append(anchor if taken[anchor] == 1 else f"{anchor}-{taken[anchor]}")
    return anchors


def section(title: str, *blocks: object) -> Section:
    """Build a section."""
    return Section(title, join_html(blocks))


paragraph = partial(element, "p")
heading = partial(element, "h3")  # within a section
note = partial(element, "p", class_="note")  # a less prominent paragraph that explains something
code = partial(element, "code")  # a command or a name in a file


def bullets(items: Sequence[object]) -> Html:
    """Build a bullet list."""
    return element("ul", [element("li", item) for item in items])


def details(summary: str, *blocks: object, is_open: bool = False) -> Html:
    """Build a folded part; it is unfolded in print."""
    return element("details", element("summary", summary), *blocks, open=is_open)


def key_metrics(*metrics: KeyMetric) -> Html:
    """Show numbers side by side in large type."""
    cards = [
        element(
            "div",
            element("dt", metric.name),
            element("dd", metric.value, element("small", metric.remark) if metric.remark else ""),
        )
        for metric in metrics
    ]
    return element("dl", cards, class_="key-metrics")


def callout(tone: Tone, label: str, title: str, *blocks: object) -> Html:
    """Build a coloured box for a finding or a conclusion; the label names the meaning of the colour."""
    headline = element("h3", element("span", label, class_="badge"), title)
    return element("div", headline, *blocks, class_=f"finding {tone}")


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> Html:
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
    whole = element("table", element("thead", element("tr", head)), element("tbody", body))
    names = ", ".join(headers)
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=names)


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


def svg(shapes: Sequence[Html], width: int, height: int, **attributes: object) -> Html:
    """Draw shapes whose unit is a pixel."""
    view = f"0 0 {width} {height}"
    return element("svg", shapes, viewBox=view, width=width, height=height, **attributes)


def wide_drawing(shapes: Sequence[Html], width: int, height: int, *, kind: str, alt: str) -> Html:
    """Draw shapes at full size; the drawing scrolls sideways if it is too wide."""
    drawing = svg(shapes, width, height, class_=kind)
    return element("div", drawing, class_="scroll drawn", tabindex=0, role="img", aria_label=alt)


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
