"""How large the numbers in a network's configuration may be, before anything is built of them."""

from untrusted.shapes import ShapeError

MOST_LAYERS = 1000
_LARGEST_NUMBER, _MOST_ITEMS = 1_000_000, 10_000


def is_number_of_layers(name: str) -> bool:
    """Return whether a key says how many layers are built, one after the other.

    >>> is_number_of_layers("num_hidden_layers"), is_number_of_layers("hidden_size")
    (True, False)
    """
    return name.startswith("num_") and name.endswith("_layers")


def check_sizes(value: object, key: str = "network_config") -> None:
    """Refuse numbers and lists that no network has: building it would take all memory."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if len(items) > _MOST_ITEMS:
        raise ShapeError(f"{key} must have at most {_MOST_ITEMS} entries, it has {len(items)}")
    if isinstance(value, int | float) and not abs(value) <= _LARGEST_NUMBER:
        raise ShapeError(f"{key} must be a number up to {_LARGEST_NUMBER}, got {str(value)[:40]}")
    if is_number_of_layers(key) and isinstance(value, int) and value > MOST_LAYERS:
        raise ShapeError(f"{key} must be at most {MOST_LAYERS}, got {value}")
    if isinstance(value, dict):
        for name, one in value.items():
            check_sizes(one, str(name))
    elif isinstance(value, list):
        for one in value:
            check_sizes(one, key)
