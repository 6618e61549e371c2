"""Conditions that a trial's configuration must meet, such as ``model.min_lr < model.lr``.

>>> config = {"model": {"lr": 0.1, "min_lr": 0.2}, "data": {"sizes": [4, 8]}}
>>> Constraint.of("model.min_lr <= model.lr / 2", config).holds(config)
False
>>> Constraint.of("data.sizes[0] < data.sizes[1] and model.lr > 0", config).holds(config)
True
"""

import ast
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from experiment.errors import ConfigError
from tuning.space.config_paths import Path, exists, expanded, no_such_path, parse_path, value_at

_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_NAMES = {"true": True, "false": False, "null": None}


class _AbsentError(Exception):
    """A path does not exist in this trial's configuration."""


class Constraint(NamedTuple):
    """A comparison over paths of the configuration."""

    text: str
    tree: ast.expr

    @classmethod
    def of(cls, text: str, config: dict[str, Any], further: Sequence[Path] = ()) -> "Constraint":
        """Parse it; its paths must exist in the configuration, or be among the further ones."""
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except SyntaxError as error:
            raise _mistake(text, str(error.msg)) from error
        if not isinstance(tree, (ast.Compare, ast.BoolOp)):
            raise _mistake(text, "it compares nothing")
        for node in _operands(tree, text):
            path = _path(node, config)
            if path is not None and not exists(config, path) and path not in further:
                raise ConfigError(f"optuna.constraints: {text!r}: {no_such_path(config, path)}")
        return cls(text, tree)

    def holds(self, config: dict[str, Any]) -> bool:
        """Check a configuration; one without the constraint's paths meets it.

        A division by zero does not meet it.
        """
        try:
            return bool(_value(self.tree, config))
        except _AbsentError:
            return True
        except ZeroDivisionError:
            return False
        except TypeError as error:
            raise _mistake(self.text, f"its values cannot be compared ({error})") from error


def _value(node: ast.expr, config: dict[str, Any]) -> Any:  # noqa: ANN401 - any YAML value
    match node:
        case ast.Compare():
            sides = [_value(side, config) for side in (node.left, *node.comparators)]
            pairs = zip(node.ops, sides, sides[1:], strict=False)
            return all(_COMPARISONS[type(op)](left, right) for op, left, right in pairs)
        case ast.BoolOp():
            values = (_value(part, config) for part in node.values)
            return all(values) if isinstance(node.op, ast.And) else any(values)
        case ast.BinOp():
            return _ARITHMETIC[type(node.op)](_value(node.left, config), _value(node.right, config))
        case ast.UnaryOp():
            return -_value(node.operand, config)
        case ast.Constant():
            return node.value
    path = _path(node, config)
    if path is None:
        return _NAMES[ast.unparse(node)]
    if not exists(config, path):
        raise _AbsentError
    return value_at(config, path)


def _operands(node: ast.expr, text: str) -> Iterator[ast.expr]:
    """Yield the paths in an expression; refuse all but paths, numbers, comparisons and arithmetic."""
    match node:
        case ast.Compare(ops=ops) if all(type(op) in _COMPARISONS for op in ops):
            parts = [node.left, *node.comparators]
        case ast.BoolOp():
            parts = node.values
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
            parts = [node.left, node.right]
        case ast.UnaryOp(op=ast.USub()):
            parts = [node.operand]
        case ast.Constant():
            return
        case ast.Name() | ast.Attribute() | ast.Subscript():
            if not _is_path(node):
                raise _mistake(text, f"{ast.unparse(node)} is no path")
            yield node
            return
        case _:
            raise _mistake(text, f"{ast.unparse(node)} is none of these")
    for part in parts:
        yield from _operands(part, text)


def _is_path(node: ast.expr) -> bool:
    match node:
        case ast.Attribute() | ast.Subscript(slice=ast.Constant(value=int())):
            return _is_path(node.value)
    return isinstance(node, ast.Name)


def _path(node: ast.expr, config: dict[str, Any]) -> Path | None:
    """Return the path of an expression; None for true, false and null."""
    text = ast.unparse(node)
    return None if text in _NAMES else expanded(config, parse_path(text))


def _mistake(text: str, reason: str) -> ConfigError:
    return ConfigError(
        f"optuna.constraints: {text!r}: {reason}; a constraint compares paths and numbers with "
        f"< <= > >= == != and may join them with + - * / and, or"
    )
