"""Draws configurations from the schema: those that a user could write, with values of every type."""

import random
from typing import Any

from cli.schema.leaf_values import alternatives, is_class

# Checked beyond their type when they are parsed, or read from disk.
PARTICULAR = {"max_time", "duration", "interval", "timeout", "$schema", "weights_only", "train_time_interval"}
# Classes with arguments that are objects or functions.
NEED_OBJECTS = ("SingleDevice", "Lambda", "MultiplicativeLR", "SequentialLR", "ChainedScheduler", "FSDP")
VALUES: dict[str, list[Any]] = {
    "boolean": [True, False, "true"],
    "integer": [1, 3, "8"],
    "number": [0.5, 2, "1e-3", 1e-4],
    "string": ["some text", "a.b"],
    "null": [None],
    "array": [[]],
    "object": [{}],
}


class Drawer:
    """Draws values that a schema accepts."""

    def __init__(self, schema: dict[str, Any], seed: int) -> None:
        self._schema, self._rng = schema, random.Random(seed)

    def configuration(self) -> dict[str, Any]:
        """A configuration with some keys of every section; what must be given is there."""
        drawn = self._section(self._schema, 0.3)
        drawn.setdefault("model", {})["vocab_file"] = "dataset_modules/tokens/russian_phones.json"
        dataset = self._schema["properties"]["data"]["properties"]["dataset_classes"]
        drawn.setdefault("data", {})["dataset_classes"] = [self._value(dataset["items"])]
        return drawn

    def _section(self, node: dict[str, Any], share: float, depth: int = 0) -> dict[str, Any]:
        drawn = {}
        for key, inner in node["properties"].items():
            if key in PARTICULAR:
                continue
            if self._must_be_given(inner) or self._rng.random() < share:
                value = self._value(inner, depth)
                if value is NotImplemented and self._must_be_given(inner):
                    value = self._value(inner)
                if value is not NotImplemented:
                    drawn[key] = value
        return drawn

    def _must_be_given(self, node: dict[str, Any]) -> bool:
        return "default" not in node and "properties" not in node and not self._takes_null(node)

    def _takes_null(self, node: dict[str, Any]) -> bool:
        kinds = alternatives(node, self._schema["$defs"])
        return any("null" in kind.get("type", ["null"]) and "enum" not in kind for kind in kinds)

    def _value(self, node: dict[str, Any], depth: int = 0) -> Any:
        if "properties" in node and not is_class(node):
            return self._section(node, 0.4, depth)
        kinds = [kind for kind in alternatives(node, self._schema["$defs"]) if self._can_draw(kind, depth)]
        if not kinds:
            return NotImplemented
        kind = self._rng.choice(kinds)
        if "enum" in kind:
            return self._rng.choice(kind["enum"])
        if is_class(kind):
            return self._component(kind, depth)
        if "properties" in kind:
            return self._section(kind, 0.4, depth)
        types = [kind["type"]] if isinstance(kind["type"], str) else kind["type"]
        chosen = self._rng.choice(types)
        if "prefixItems" in kind:
            return [self._value(each, depth) for each in kind["prefixItems"]]
        if chosen == "array" and "items" in kind:
            items = [self._value(kind["items"], depth + 1) for _ in range(self._rng.randrange(3))]
            return [item for item in items if item is not NotImplemented]
        return self._rng.choice(VALUES[chosen])

    def _can_draw(self, kind: dict[str, Any], depth: int) -> bool:
        if is_class(kind):
            path = kind["properties"]["class_path"].get("const", "")
            return depth < 2 and path != "" and not any(name in path for name in NEED_OBJECTS)
        return ("type" in kind or "enum" in kind) and "format" not in kind

    def _component(self, kind: dict[str, Any], depth: int) -> dict[str, Any]:
        arguments = kind["properties"]["init_args"]
        drawn: dict[str, Any] = {"class_path": kind["properties"]["class_path"]["const"]}
        if arguments.get("properties"):
            drawn["init_args"] = self._section(arguments, 0.3, depth + 1)
        return drawn
