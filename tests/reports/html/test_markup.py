"""What a text holds cannot break a page."""

import pytest

from reports.html.markup import Html, element, escape, joined


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
    assert escape(name) == "caf\ufffd\ufffd.wav"
    assert element("p", title=name).encode("utf-8")


def test_lists_are_taken_apart_in_order():
    assert joined(["a", [Html("<br>"), ("b",)], 1]) == "a<br>b1"
