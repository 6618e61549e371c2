"""Durations in a configuration: jsonargparse writes any value as text where a duration may stand."""

from datetime import timedelta

from jsonargparse.typing import get_registered_type, register_type


def duration_text(value: object) -> str:
    """Write a duration; refuse another value, so that the parser writes it as another type of a union.

    >>> duration_text(timedelta(minutes=90))
    '1:30:00'
    """
    if not isinstance(value, timedelta):
        raise TypeError(f"must be a duration, got {value!r}")
    return str(value)


def keep_durations_apart() -> None:
    """Register durations with a writer that takes nothing else."""
    known = get_registered_type(timedelta)
    register_type(timedelta, serializer=duration_text, deserializer=known and known.base_deserializer)
