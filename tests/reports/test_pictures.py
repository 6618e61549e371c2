"""Drawings use the colours and the font of the page, and unique ids."""

import re
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import pytest

from reports.html import STYLE_SHEET
from reports.pictures import COLOURS, INK, canvas, inline_png, inline_svg


@pytest.fixture
def drawing():
    figure, axes = canvas()
    axes.plot([1, 2], [3, 4], label="train <loss>")
    axes.bar([1, 2], [1, 2], label="val", color=COLOURS[1])
    axes.set_xlabel("seconds & more")
    axes.legend()
    return figure


def test_colours_become_variables_of_the_style_sheet(drawing):
    svg = inline_svg(drawing)
    used = set(re.findall(r"var\((--[\w-]+)\)", svg))
    assert {"--ink", "--series-1", "--series-2"} <= used
    assert all(f"{variable}:" in STYLE_SHEET for variable in used)
    assert INK not in svg
    assert COLOURS[0] not in svg


def test_a_drawing_is_well_formed_and_scales(drawing):
    root = ElementTree.fromstring(inline_svg(drawing))
    assert root.get("viewBox") == "0 0 374.4 208.8"
    assert root.get("width") is None


def test_letters_stay_text_without_a_font(drawing):
    svg = inline_svg(drawing)
    assert "train &lt;loss&gt;" in svg
    assert "seconds &amp; more" in svg
    assert "font-family" not in svg
    assert "<style" not in svg


def test_every_reference_has_one_id(drawing):
    figure, axes = canvas()
    axes.plot([0, 1], [0, 3])
    svg = inline_svg(drawing) + inline_svg(figure)
    names = re.findall(r'\sid="([^"]*)"', svg)
    references = re.findall(r'(?:href="|url\()#([^")]+)', svg)
    assert references
    assert set(references) == set(names)
    assert len(set(names)) == len(names)


def test_equal_drawings_give_equal_text():
    texts = []
    for _ in range(2):
        figure, axes = canvas()
        axes.plot([1, 2], [3, 4])
        texts.append(inline_svg(figure))
    assert texts[0] == texts[1]


def test_a_raster_image_is_an_embedded_png(drawing):
    assert inline_png(drawing, alt="a").startswith('<img src="data:image/png;base64,iVBORw0KGgo')


def test_settings_of_matplotlib_are_restored(drawing):
    before = mpl.rcParams["text.color"], mpl.rcParams["svg.fonttype"]
    inline_svg(drawing)
    assert (mpl.rcParams["text.color"], mpl.rcParams["svg.fonttype"]) == before
