"""The shape that data must have: checked against a type, before anything relies on it."""

import math
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Union

_PLAIN = {str: "text", bool: "true or false", int: "a whole number", float: "a finite number"}
_MOST_SHOWN = 60
_LARGEST_FLOAT = sys.float_info.max


class ShapeError(ValueError):
    """Data have another shape than expected; the message names the place and the value."""


def conform(value: Any, shape: Any, place: str = "") -> Any:  # noqa: ANN401 - any data, any type
    """Return a value that a type describes; raise ``ShapeError`` for one that it does not.

    Types are ``Any``, ``None``, plain types, unions, and lists, tuples and dictionaries of types. A list
    becomes the tuple that a type asks for; a ``float`` is a finite number.

    >>> conform({"a": [[0, 1.5]]}, dict[str, tuple[tuple[float, float], ...]])
    {'a': ((0, 1.5),)}
    >>> conform({"a": "b"}, dict[str, float])
    Traceback (most recent call last):
    untrusted.shapes.ShapeError: a must be a finite number, got 'b'
    """
    origin, inner = typing.get_origin(shape) or shape, typing.get_args(shape)
    if shape is Any:
        return value
    if shape is None or shape is type(None):
        return value if value is None else _refuse(value, "null", place)
    if origin in (Union, types.UnionType):
        return _one_of(value, inner, place)
    if origin in (dict, Mapping):
        return _dictionary(value, inner, place)
    if origin in (list, tuple, Sequence):
        return _sequence(value, origin, inner, place)
    return _plain(value, shape, place)


@cache
def checker(shape: Any) -> Callable[[Any], bool]:  # noqa: ANN401 - any type
    """Return a fast check of values that ``conform`` would accept; lists may stand for tuples.

    >>> checker(tuple[float, ...])([1, 2.5]), checker(tuple[float, ...])(["a"])
    (True, False)
    """
    origin, inner = typing.get_origin(shape) or shape, typing.get_args(shape)
    if shape in (str, bool):
        return lambda value: type(value) is shape
    if shape is float:
        return lambda value: type(value) in (float, int) and -_LARGEST_FLOAT <= value <= _LARGEST_FLOAT
    if origin in (Union, types.UnionType):
        checks = [checker(one) for one in inner]
        return lambda value: any(check(value) for check in checks)
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        of_items = checker(inner[0])
        return lambda value: type(value) is list and all(map(of_items, value))
    return lambda value: _conforms(value, shape)


def _conforms(value: Any, shape: Any) -> bool:  # noqa: ANN401
    try:
        conform(value, shape)
    except ShapeError:
        return False
    return True


def conform_fields(value: Any, fields: Mapping[str, Any], place: str = "") -> dict[str, Any]:  # noqa: ANN401
    """Return the known fields of a dictionary, each of its type; other fields are left out."""
    known = conform(value, dict[str, Any], place)
    return {
        name: conform(known[name], shape, _below(place, name))
        for name, shape in fields.items()
        if name in known
    }


def _one_of(value: Any, shapes: Sequence[Any], place: str) -> Any:  # noqa: ANN401
    refusal: ShapeError | None = None
    for shape in shapes:
        try:
            return conform(value, shape, place)
        except ShapeError as error:
            refusal = refusal or error
    raise refusal or ShapeError(f"{place}: no type is accepted")


def _dictionary(value: Any, inner: Sequence[Any], place: str) -> Any:  # noqa: ANN401
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        _refuse(value, "keys with values", place)
    shape = inner[1] if inner else Any
    if shape is Any:
        return value
    return {key: conform(one, shape, _below(place, key)) for key, one in value.items()}


def _sequence(value: Any, origin: Any, inner: Sequence[Any], place: str) -> Any:  # noqa: ANN401
    if not isinstance(value, list | tuple):
        _refuse(value, "a list", place)
    if origin is tuple and len(inner) != 2 or origin is tuple and inner[1] is not Ellipsis:
        if len(value) != len(inner):
            _refuse(value, f"a list of {len(inner)}", place)
        kinds = list(inner)
    else:
        kinds = [inner[0] if inner else Any] * len(value)
    items = [
        conform(one, kind, f"{place}[{number}]")
        for number, (one, kind) in enumerate(zip(value, kinds, strict=True))
    ]
    return items if origin is list else tuple(items)


def _plain(value: Any, shape: Any, place: str) -> Any:  # noqa: ANN401
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if shape is float:
        fits = is_number and _is_finite(value)
    elif shape is int:
        fits = is_number and isinstance(value, int)
    else:
        fits = isinstance(value, shape)
    return value if fits else _refuse(value, _PLAIN.get(shape, str(shape)), place)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _refuse(value: Any, expected: str, place: str) -> Any:  # noqa: ANN401 - never returns
    shown = repr(value) if isinstance(value, str | int | float) else f"a {type(value).__name__}"
    shown = shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"
    shown = "null" if value is None else shown
    raise ShapeError(f"{place[:_MOST_SHOWN] or 'it'} must be {expected}, got {shown}")


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key
