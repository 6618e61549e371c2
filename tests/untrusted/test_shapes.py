"""The fast check of values accepts what the thorough one accepts."""

import math

import pytest

from untrusted.shapes import ShapeError, checker, conform

VALUES = [
    None,
    True,
    0,
    -1,
    1.5,
    10**400,
    math.nan,
    -math.inf,
    "a",
    [],
    [1, 2.5],
    [10**400],
    ["a"],
    {},
    {"a": 1},
]
SHAPES = [str, bool, int, float, float | None, tuple[float, ...], tuple[str, ...], dict[str, float]]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("value", VALUES, ids=lambda value: str(value)[:12])
def test_both_checks_agree(value, shape):
    try:
        conform(value, shape)
    except ShapeError:
        assert not checker(shape)(value)
    else:
        assert checker(shape)(value)
