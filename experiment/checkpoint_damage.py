"""Damage of a checkpoint that shows only while Lightning restores it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from models.weights import CheckpointError
from untrusted.printing import printable

_DAMAGE = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)


@contextmanager
def named_damage(checkpoint: Callable[[], object]) -> Iterator[None]:
    """Name the checkpoint in an error of Python; ``checkpoint`` returns None where none is restored.

    The checkpoint then lacks something, or holds it in another form; so does one of another configuration.

    >>> with named_damage(lambda: "last.ckpt"):  # doctest: +ELLIPSIS
    ...     {}["loops"]
    Traceback (most recent call last):
    models.weights.CheckpointError: ckpt_path: training cannot be resumed from last.ckpt: it is damaged, ...
    """
    try:
        yield
    except _DAMAGE as error:
        is_ours = type(error) not in _DAMAGE  # such as an error of a recording
        path = checkpoint()
        if is_ours or path is None:
            raise
        raise CheckpointError(
            f"ckpt_path: training cannot be resumed from {printable(path)}: it is damaged, or of another "
            f"configuration: {type(error).__name__}: {printable(error, most_characters=300)}"
        ) from error
