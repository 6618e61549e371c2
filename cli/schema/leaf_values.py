"""Whether jsonargparse would take a value for a type, from the schema alone.

What is doubtful is accepted here: jsonargparse decides it later.
"""

from collections.abc import Callable, Sequence
from typing import Any

import yaml

from cli.schema.schema_file import Schema
from untrusted.files import FileError
from untrusted.yaml_text import TooLargeError, parse_yaml

_WORDS = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "a dict",
}


def from_text(text: str) -> Any:  # noqa: ANN401 - any data
    """Return what a text of the command line or in quotes stands for; itself where it is not YAML.

    >>> [from_text(text) for text in ("8", "1e-3", "true", "a: b", "[1")]
    [8, 0.001, True, {'a': 'b'}, '[1']
    """
    try:
        return parse_yaml(text, "a value")
    except TooLargeError:
        raise  # a parser that reads it would never end
    except (FileError, yaml.YAMLError, ValueError):
        return text


def fits_type(kind: str, value: object) -> bool:
    """Return whether a value may be of a JSON type.

    >>> [fits_type("integer", value) for value in (8, "8", 4.0, "many", True)]
    [True, True, False, False, False]
    """
    return _FITS[kind](from_text(value) if isinstance(value, str) and kind != "string" else value)


def fits_choice(choices: Sequence[object], value: object) -> bool:
    """Return whether a value may be one of the choices; ``"16"`` may be 16."""
    return str(value) in map(str, choices) or isinstance(value, bool) and value in choices


def expectation(nodes: Sequence[Schema]) -> str:
    """Describe in words what alternatives of a schema accept.

    >>> expectation([{"type": ["number", "null"]}, {"enum": ["auto"]}])
    'a number or auto or null'
    """
    kinds, choices, is_optional = [], [], False
    for each in nodes:
        types = each.get("type", [])
        for kind in [types] if isinstance(types, str) else types:
            is_optional |= kind == "null"
            if kind != "null" and "format" not in each and "properties" not in each:
                kinds.append(_WORDS[kind])
        if "properties" in each or "format" in each:
            kinds.append("a class_path" if is_class(each) or "format" in each else "keys with values")
        choices += [str(choice) for choice in each.get("enum", ())]
    listed = list(dict.fromkeys(choices))
    named = [f"one of {', '.join(listed)}"] if len(listed) > 1 else listed
    plain = [kind for kind in dict.fromkeys(kinds) if kind != "a class_path"]
    classes = ["a class_path"] if "a class_path" in kinds else []
    return " or ".join([*plain, *named, *classes, *["null"] * is_optional])


def alternatives(node: Schema, definitions: Schema) -> list[Schema]:
    """Return what a schema consists of, with references and unions resolved."""
    if "$ref" in node:
        return alternatives(definitions.get(str(node["$ref"]).rpartition("/")[2], {}), definitions)
    if "anyOf" in node:
        return [each for one in node["anyOf"] for each in alternatives(one, definitions)]
    return [node]


def is_class(node: Schema) -> bool:
    """Return whether a schema describes ``class_path`` and ``init_args``."""
    return "class_path" in node.get("properties", ())


_FITS: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: not isinstance(value, list | dict),
    "array": lambda value: isinstance(value, list | str),
    "object": lambda value: isinstance(value, dict | str),
}
