"""What in a configuration contradicts the schema: keys that do not exist, wrong types, unknown classes.

What the schema cannot decide is no fault: jsonargparse decides it later.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cli.configuration.nearest_names import nearest_keys
from cli.schema.class_lookup import names_in, why_missing
from cli.schema.leaf_values import alternatives, expectation, fits_choice, fits_type, is_class
from cli.schema.schema_file import COMMANDS, Schema

_SPEC_KEYS = ("class_path", "init_args", "dict_kwargs")
_MOST_NEAR = 100  # unknown keys whose near names are looked for
_SUFFIXES = (".yaml", ".yml", ".json")


class Fault(NamedTuple):
    """One contradiction. A message is the text, the introduction and the place, and the hints."""

    place: str  # as data.dataset_classes[0].init_args.num_train
    text: str
    introduction: str = "; it stands at "
    hints: str = ""  # what would be right


class Checker:
    """Compares values with a schema."""

    def __init__(self, schema: Schema, command: str) -> None:
        self.definitions: Schema = schema.get("$defs", {})
        properties = {**schema["properties"], **schema.get(COMMANDS, {}).get(command, {})}
        self.root: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
        self.options = list(_options(properties))
        self._unknown_keys = 0
        self._sections = ["", *(name for name, node in properties.items() if "properties" in node)]
        described = [each for node in self.definitions.values() for each in node.get("anyOf", ())]
        self._known = {path: each for each in described if (path := _path_of(each))}

    def faults(self, node: Schema, value: Any, place: str = "") -> list[Fault]:  # noqa: ANN401 - any data
        """List the faults of a value; there are none where any alternative of the schema accepts it."""
        kinds = alternatives(node, self.definitions)
        if value is None or any("type" not in kind and "enum" not in kind for kind in kinds):
            return []  # null removes a value; and a class that the schema does not describe takes anything
        if isinstance(value, dict) and "class_path" in value:
            return self._faults_of_component([kind for kind in kinds if is_class(kind)], value, place)
        if "properties" in node and not isinstance(value, dict):
            return []  # a section that another file describes, or that jsonargparse leaves at its defaults
        if isinstance(value, dict | list):
            found = [self._faults_inside(kind, value, place) for kind in kinds if _holds(kind, value)]
            return min(found, key=len) if found else [self._wrong_value(kinds, value, place)]
        if any(_fits(kind, value) for kind in kinds):
            return []
        names_class = isinstance(value, str) and any("format" in kind for kind in kinds)
        if names_class and ("." in value or self._is_short_name(value)):
            return self._faults_of_class_name(value, place, [])
        return [self._wrong_value(kinds, value, place)]

    def _wrong_value(self, kinds: list[Schema], value: object, place: str) -> Fault:
        text = f"{_option(place)}: must be {expectation(kinds)}, got {value}"
        choices = [str(choice) for kind in kinds for choice in kind.get("enum", ())]
        near = difflib.get_close_matches(str(value), choices)
        return Fault(place, text, hints=_listed("; nearest: ", near))

    def _is_short_name(self, name: str) -> bool:
        return any(path.endswith(f".{name}") for path in self._known)

    def takes_text(self, option: str) -> bool:
        """Return whether an option's value may be any text, also one that looks like a list."""
        node = self.root
        for name in option.split("."):
            node = node.get("properties", {}).get(name, {})
        return any("string" in _types(kind) for kind in alternatives(node, self.definitions))

    def arguments_of(self, class_path: str) -> Schema | None:
        """Return what the schema describes of a class's arguments; None for a class that it does not know."""
        described = self._known.get(class_path, {}).get("properties", {}).get("init_args", {})
        arguments: Schema | None = described.get("properties")
        return arguments

    def _faults_inside(self, node: Schema, value: Any, place: str) -> list[Fault]:  # noqa: ANN401 - any data
        if isinstance(value, list):
            kinds = [*node.get("prefixItems", ()), *[node.get("items") or {}] * len(value)]
            items = enumerate(zip(kinds, value, strict=False))
            return [f for n, (kind, item) in items for f in self.faults(kind, item, f"{place}[{n}]")]
        if is_class(node):
            return []  # arguments of a class that is given elsewhere
        if "properties" in node:
            return [fault for key in value for fault in self.faults_of_key(node, key, value[key], place)]
        inner = node.get("additionalProperties", {})
        return [fault for key in value for fault in self.faults(inner, value[key], f"{place}.{key}")]

    def faults_of_key(self, node: Schema, key: object, value: Any, place: str = "") -> list[Fault]:  # noqa: ANN401
        """Check one key of a section; ``a.b`` is ``b`` in ``a``, ``a+`` appends to a list."""
        if not isinstance(key, str) or key.startswith(("$", "__")):
            return []
        first, _, rest = key.partition(".")
        name = first.removesuffix("+")
        below = f"{place}.{name}" if place else name
        if name not in node["properties"]:
            # jsonargparse passes over what holds no value.
            return [] if value is None or value == {} else [self._unknown_key(node, key, place)]
        inner = node["properties"][name]
        if rest:
            return self.faults_of_key(inner, rest, value, below) if "properties" in inner else []
        if key.endswith("+"):
            return []  # one element or several: jsonargparse decides
        return self.faults(inner, value, below)

    def _names_near(self) -> bool:
        """Return whether near names are still looked for: that takes time, and few faults are shown."""
        self._unknown_keys += 1
        return self._unknown_keys <= _MOST_NEAR

    def _unknown_key(self, node: Schema, key: str, place: str) -> Fault:
        path = f"{place}.{key}" if place else key
        if place in self._sections:
            near = nearest_keys(path, self.options) if self._names_near() else []
            return Fault(path, f"there is no option {path}{_listed('; nearest: ', near)}", "; it stands at ")
        accepted = list(node["properties"])
        near = difflib.get_close_matches(key, accepted, n=2) if self._names_near() else []
        hints = _listed("; nearest: ", near) + _listed("; accepted: ", accepted)
        return Fault(path, f"{_option(place)}: Option {key!r} is not accepted", ": it stands at ", hints)

    def _faults_of_component(self, kinds: list[Schema], value: dict[Any, Any], place: str) -> list[Fault]:
        """Check ``class_path`` and ``init_args`` against the classes that the schema describes here."""
        given = value["class_path"]
        if not isinstance(given, str) or not kinds:
            return []
        extra = [key for key in value if key not in _SPEC_KEYS and not str(key).startswith(("$", "__"))]
        if extra:
            near = _listed("; nearest: ", difflib.get_close_matches(str(extra[0]), _SPEC_KEYS))
            text = f"{_option(place)}: Option {str(extra[0])!r} is not accepted beside class_path"
            return [Fault(f"{place}.{extra[0]}", text, ": it stands at ", near)]
        described = {path: kind for kind in kinds if (path := _path_of(kind))}
        full = next((path for path in described if given in (path, path.rpartition(".")[2])), None)
        if full is None:
            return self._faults_of_class_name(given, f"{place}.class_path", list(described))
        arguments, inner = value.get("init_args"), described[full]["properties"].get("init_args", {})
        if not isinstance(arguments, dict) or "properties" not in inner:
            return []
        return self.faults(inner, arguments, f"{place}.init_args")

    def _faults_of_class_name(self, given: str, place: str, described: list[str]) -> list[Fault]:
        """Check a class that the schema does not describe here: one of another kind, a user's, or none."""
        option, near = _option(place), _nearest_classes(given, described or sorted(self._known))
        if "/" in given or Path(given).is_file():
            return []
        if "." not in given:
            text = f"{option}: Expected a dot import path string: {given}"
            is_wrong = not self._is_short_name(given)
        elif given in self._known and described:
            text, near = f"{option}: {given} is a class of another kind", ""
            is_wrong = True
        else:
            why = why_missing(given)
            text, is_wrong = f"{option}: Problem with given class_path {given!r}: {why}", bool(why)
        return [Fault(place, text, ": it stands at ", near)] if is_wrong else []


def _options(properties: Schema, section: str = "") -> Iterator[str]:
    """Yield every option as it is written on the command line."""
    for name, node in properties.items():
        path = f"{section}{name}"
        yield path
        if "properties" in node:
            yield from _options(node["properties"], f"{path}.")


def _path_of(node: Schema) -> str:
    return str(node.get("properties", {}).get("class_path", {}).get("const", ""))


def _types(node: Schema) -> list[str]:
    types = node.get("type", [])
    return [types] if isinstance(types, str) else types


def _holds(node: Schema, value: object) -> bool:
    """Return whether a schema is one of lists, or of dictionaries, as the value is."""
    return ("array" if isinstance(value, list) else "object") in _types(node)


def _fits(node: Schema, value: object) -> bool:
    if "enum" in node:
        return fits_choice(node["enum"], value)
    if is_class(node):
        return False
    if "format" in node:
        return isinstance(value, str) and ("/" in value or value.endswith(_SUFFIXES) or Path(value).is_file())
    return any(fits_type(kind, value) for kind in _types(node))


def _option(place: str) -> str:
    """Return the option that a place belongs to, without indices and arguments of components."""
    return re.split(r"\[|\.init_args|\.class_path$", place)[0]


def _listed(introduction: str, items: Sequence[str]) -> str:
    return f"{introduction}{', '.join(items)}" if items else ""


def _nearest_classes(given: str, known: Sequence[str]) -> str:
    """Name the known classes, or those of the same module, that are nearest to a wrong name."""
    module, _, name = given.rpartition(".")
    beside = [f"{module}.{each}" for each in difflib.get_close_matches(name, names_in(module), 3, 0.75)]
    names = {path.rpartition(".")[2]: path for path in known}
    near = beside if module else [names[each] for each in difflib.get_close_matches(name, names, 3, 0.75)]
    return _listed("; nearest: ", near or difflib.get_close_matches(given, known, 3, 0.75))
