"""The section about the mix of layers that the head reads: which layers know the phonemes."""

import re
from collections.abc import Mapping

from reports import html
from reports.error_sections import percent
from reports.pictures import canvas, inline_svg

_SHARE = re.compile(r"(test|val)_layer_(\d+)_share")


def layer_section(metrics: Mapping[str, float]) -> html.Section | None:
    """Show the share of each layer in the evaluated weights; None where there is no mix."""
    found = [
        (match[1], int(match[2]), metrics[match[0]]) for match in map(_SHARE.fullmatch, metrics) if match
    ]
    split = min((name for name, _, _ in found), default="")  # test, where it was evaluated
    shares = {number: share for name, number, share in sorted(found) if name == split}
    if not shares:
        return None
    drawing, axes = canvas("layer, from the lowest", "share of the sum")
    axes.bar(list(shares), list(shares.values()))
    axes.axhline(1 / len(shares), linestyle="--", linewidth=1.2)
    largest = max(shares, key=shares.__getitem__)
    words = f"layer {largest} of {len(shares)} has the largest share, {percent(shares[largest], 1)}"
    return html.section(
        "Layers",
        html.paragraph(
            "The head reads a weighted sum of all encoder layers. A layer with a large share holds more of "
            "what distinguishes phonemes; the dashed line marks equal shares."
        ),
        html.figure(inline_svg(drawing), alt=f"Shares of layers: {words}", caption=f"{words.capitalize()}."),
    )
