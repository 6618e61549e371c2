"""A rate and its interval as a small drawing in a row of a table."""

from evaluation.intervals import RateInterval
from reports.html.markup import Html, element

_WIDTH, _HEIGHT, _MARGIN = 180, 18, 4


def whisker(rate: float, interval: RateInterval | None, overall: float, scale: float) -> Html:
    """A dot on a line from the low to the high end; an arrow where it leaves the scale.

    Args:
        rate: of the row.
        interval: of the rate.
        overall: where the thin line of comparison stands.
        scale: the rate at the right end.
    """
    if rate != rate:
        return Html("")
    middle = _HEIGHT / 2
    shapes = [
        element("line", x1=_x(overall, scale), x2=_x(overall, scale), y1=1, y2=_HEIGHT - 1, class_="whole")
    ]
    if interval is not None:
        low, high = _x(interval.low, scale), _x(interval.high, scale)
        shapes.append(element("line", x1=low, x2=high, y1=middle, y2=middle, class_="reach"))
        if interval.high > scale:
            shapes.append(element("path", d=f"M{high - 5} {middle - 4}l5 4l-5 4", class_="reach"))
    shapes.append(element("circle", cx=_x(rate, scale), cy=middle, r=3.5))
    words = f"{100 * rate:.2f} %" + (
        f", interval {100 * interval.low:.2f} to {100 * interval.high:.2f} %" if interval else ""
    )
    return element(
        "svg",
        shapes,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        width=_WIDTH,
        height=_HEIGHT,
        class_="whisker",
        role="img",
        aria_label=words,
    )


def _x(rate: float, scale: float) -> float:
    share = min(max(rate / scale, 0.0), 1.0)
    return round(_MARGIN + share * (_WIDTH - 2 * _MARGIN), 1)
