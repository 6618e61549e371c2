"""The sections about training: learning curves, the mix of layers that the head reads, FAM's record."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiment.contents import Curve
from reports import html
from reports.error_sections import percent
from reports.html import Html
from reports.pictures import canvas, inline_png, inline_svg
from untrusted.files import open_regular

_FEW_POINTS = 30  # of a curve, which are marked one by one
_SHARE = re.compile(r"(test|val)_layer_(\d+)_share")


def learning_section(plots: Sequence[tuple[str, str, Mapping[str, Curve]]]) -> html.Section | None:
    """Plot curves over steps: a title, a unit and the named curves for each picture."""
    drawn = [_curves_picture(title, unit, curves) for title, unit, curves in plots if curves]
    return html.section("Learning", html.side_by_side(*drawn)) if drawn else None


def _curves_picture(title: str, unit: str, curves: Mapping[str, Curve]) -> Html:
    drawing, axes = canvas("step", unit)
    for name, curve in curves.items():
        marker = "o" if len(curve) < _FEW_POINTS else None
        axes.plot(list(curve), list(curve.values()), label=name, marker=marker, ms=3)
    if len(curves) > 1:
        axes.legend()
    last = ", ".join(f"{name} {list(curve.values())[-1]:.4g}" for name, curve in curves.items())
    text = f"last logged: {last}"
    return html.figure(inline_svg(drawing), alt=f"{title} over steps, {text}", caption=f"{title}; {text}.")


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


def fam_section(record: Path | None) -> html.Section | None:
    """Plot what FAM recorded of the gradients; None where it recorded nothing."""
    if record is None:
        return None
    # Imported here because these import torch, which takes seconds to load.
    from optim.fam.recorder import read_fam_records
    from optim.fam.recorder_plot import draw_fam_record

    try:
        open_regular(record).close()
        records = read_fam_records(record)
    except (OSError, ValueError, TypeError, KeyError) as error:
        return html.section("FAM", html.paragraph(f"The debug record cannot be read: {error}"))
    if not records:
        return html.section(
            "FAM", html.paragraph("The debug record holds no step yet; FAM records every tenth step.")
        )
    alt = "Per layer: shares of the gradient's spectrum by band over steps, and the effective momentum"
    return html.section(
        "FAM",
        html.paragraph(
            "FAM analysed the gradients of each layer: the shares of the spectrum's energy by band "
            "(low frequencies at the bottom), and the momentum that follows from them."
        ),
        html.figure(inline_png(draw_fam_record(records), alt=alt), alt=alt, wide=True),
    )
