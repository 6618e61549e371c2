"""A page is one file that loads no other and escapes every text."""

import re
from html.parser import HTMLParser

import pytest

from reports.html import (
    Html,
    KeyMetric,
    audio_player,
    bullets,
    callout,
    code,
    data_uri,
    details,
    element,
    figure,
    heading,
    image,
    join_html,
    key_metrics,
    note,
    number,
    page,
    paragraph,
    section,
    side_by_side,
    table,
)

VOID = {"meta", "img", "br", "link", "input"}
HOSTILE = "</td><script>alert('x')</script> & \"<b>"


class Outline(HTMLParser):
    """A parser that checks nesting and collects tags and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def outline(document):
    parser = Outline()
    parser.feed(document)
    parser.close()
    assert parser.open == []
    return parser


@pytest.fixture
def everything():
    """A page with one element of each kind; every text is hostile."""
    return page(
        HOSTILE,
        [
            section(
                HOSTILE,
                heading(HOSTILE),
                paragraph(HOSTILE, code(HOSTILE)),
                note(HOSTILE),
                bullets([HOSTILE]),
                callout("bad", "fatal", HOSTILE, paragraph(HOSTILE)),
                key_metrics(KeyMetric(HOSTILE, HOSTILE, HOSTILE)),
                table([HOSTILE], [[HOSTILE]]),
                details(HOSTILE, HOSTILE),
            ),
            section(
                "Pictures",
                side_by_side(figure(image(b"png", alt=HOSTILE), alt=HOSTILE, caption=HOSTILE)),
                audio_player(b"wav", label=HOSTILE),
            ),
        ],
        lead=HOSTILE,
        footer=HOSTILE,
    )


def test_hostile_texts_break_no_element_and_add_no_script(everything):
    found = outline(everything)
    assert "script" not in [tag for tag, _ in found.tags]
    assert "b" not in [tag for tag, _ in found.tags]
    assert "".join(found.text).count("alert('x')") >= 15


def test_a_page_loads_nothing(everything):
    for _, attributes in outline(everything).tags:
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    style = re.search(r"<style>(.*?)</style>", everything, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in everything


def test_contents_link_to_every_section_even_with_equal_titles():
    document = page("Data", [section("Lengths & levels"), section("Lengths (levels)"), section("–")])
    found = outline(document)
    anchors = [attributes["id"] for tag, attributes in found.tags if tag == "section"]
    links = [attributes["href"] for tag, attributes in found.tags if tag == "a"]
    assert anchors == ["lengths-levels", "lengths-levels-2", "section"]
    assert links == [f"#{anchor}" for anchor in anchors]


def test_numbers_are_aligned_and_texts_are_not():
    cells = outline(table(["split", "h", "n"], [["train", 2.5, 3], ["val", None, 1234]])).tags
    assert [attributes.get("class") for tag, attributes in cells if tag == "th"] == [None, "number", "number"]
    assert "1,234" in table(["n"], [[1234]])
    assert "nan" not in table(["n"], [[float("nan")]])


def test_a_table_scrolls_and_takes_the_keyboard_focus():
    (box,) = [attributes for tag, attributes in outline(table(["a"], [["b"]])).tags if tag == "div"]
    assert box["class"] == "scroll"
    assert box["tabindex"] == "0"


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="2 cells, one has 1"):
        table(["a", "b"], [["x"]])


def test_pictures_have_a_description_for_screen_readers():
    found = outline(figure(image(b"x", alt="a curve"), alt="falls from 3 to 0.2", caption="Loss"))
    assert ("div", {"role": "img", "aria-label": "falls from 3 to 0.2"}) in found.tags


def test_a_page_has_styles_for_light_dark_and_print(everything):
    for rule in ("prefers-color-scheme: dark", "@media print", "width=device-width"):
        assert rule in everything


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (999.94, "999.9"), (-0.00001234, "-1.234e-05"), (True, "True"), ("x", "x")]
)
def test_numbers_are_short(value, shown):
    assert number(value) == shown


def test_a_data_uri_encodes_bytes_in_base64():
    assert data_uri(b"\x00\xff", "audio/wav") == "data:audio/wav;base64,AP8="


@pytest.mark.parametrize("text", ["<script>x</script>", '"><img src=x>', "' onload='x", "a & b"])
def test_text_is_escaped_in_content_and_attributes(text):
    shown = element("p", text, title=text)
    inside = shown.removeprefix("<p ").removesuffix("</p>")
    assert "<script" not in inside
    assert "<img" not in inside
    assert "'" not in inside
    assert inside.count('"') == 2


def test_markup_is_escaped_once():
    assert element("p", element("b", "1 < 2")) == "<p><b>1 &lt; 2</b></p>"


def test_unencodable_text_is_replaced():
    name = b"caf\xe9\x00.wav".decode("utf-8", "surrogateescape")
    assert Html.escape(name) == "caf\ufffd\ufffd.wav"
    assert element("p", title=name).encode("utf-8")


def test_lists_are_flattened_in_order():
    assert join_html(["a", [Html("<br>"), ("b",)], 1]) == "a<br>b1"


SCRIPT = "<script>x</script>"
ESCAPED = "&lt;script&gt;x&lt;/script&gt;"


@pytest.mark.parametrize(
    "joined",
    [
        Html("<p>") + SCRIPT,
        Html("<p>") + SCRIPT + Html("</p>"),
        Html("<p>{}</p>").format(SCRIPT),
        Html("<p>%s</p>") % SCRIPT,
        Html("<br>").join(["one", SCRIPT]),
    ],
)
def test_text_that_joins_markup_is_escaped(joined):
    assert isinstance(joined, Html)
    assert ESCAPED in joined
    assert SCRIPT not in joined
    assert element("div", joined).count("&amp;") == 0


def test_markup_that_follows_text_leaves_the_text_escaped():
    assert SCRIPT + Html("<br>") == f"{ESCAPED}<br>"


def test_unencodable_characters_are_replaced_wherever_text_joins():
    assert Html("<p>") + "a\x00" == "<p>a\ufffd"
