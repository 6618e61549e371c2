"""What a text holds cannot break a page."""

import pytest

from reports.html.markup import Html, element, join_html


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


def test_what_cannot_be_encoded_is_replaced():
    name = b"caf\xe9\x00.wav".decode("utf-8", "surrogateescape")
    assert Html.escape(name) == "caf\ufffd\ufffd.wav"
    assert element("p", title=name).encode("utf-8")


def test_lists_are_taken_apart_in_order():
    assert join_html(["a", [Html("<br>"), ("b",)], 1]) == "a<br>b1"


HOSTILE = "<script>x</script>"
ESCAPED = "&lt;script&gt;x&lt;/script&gt;"


@pytest.mark.parametrize(
    "joined",
    [
        Html("<p>") + HOSTILE,
        Html("<p>") + HOSTILE + Html("</p>"),
        Html("<p>{}</p>").format(HOSTILE),
        Html("<p>%s</p>") % HOSTILE,
        Html("<br>").join(["one", HOSTILE]),
    ],
)
def test_text_that_joins_markup_is_escaped(joined):
    assert isinstance(joined, Html)
    assert ESCAPED in joined
    assert HOSTILE not in joined
    assert element("div", joined).count("&amp;") == 0


def test_markup_that_follows_text_leaves_the_text_escaped():
    assert HOSTILE + Html("<br>") == f"{ESCAPED}<br>"


def test_unencodable_characters_are_replaced_wherever_text_joins():
    assert Html("<p>") + "a\x00" == "<p>a\ufffd"
