"""``when``: a parameter that is drawn only where others have certain values."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from experiment.errors import ConfigError
from tuning.space.config_paths import expanded, parse_path, path_text
from tuning.space.parameters import Label, Parameter


class Conditions(NamedTuple):
    """The values that other parameters must have."""

    wanted: Mapping[str, tuple[Label, ...]]

    @classmethod
    def of(
        cls,
        name: str,
        when: Mapping[str, Any],
        base: dict[str, Any],
        known: Mapping[str, Parameter],
    ) -> "Conditions":
        """Check that every condition names a categorical parameter and choices of it."""
        wanted: dict[str, tuple[Label, ...]] = {}
        for text, value in when.items():
            other = path_text(expanded(base, parse_path(text)))
            labels = tuple(value) if isinstance(value, list) else (value,)
            if other not in known or not known[other].choices:
                names = ", ".join(key for key in known if known[key].choices)
                raise ConfigError(
                    f"optuna.search_spaces: {name}: when must name another categorical parameter, "
                    f"got {text}; there are: {names or 'none'}"
                )
            strange = [label for label in labels if label not in known[other].labels]
            if strange:
                raise ConfigError(
                    f"optuna.search_spaces: {name}: when: {text} must be one of "
                    f"{', '.join(map(str, known[other].labels))}, got {strange[0]}"
                )
            wanted[other] = labels
        return cls(wanted)

    def hold(self, drawn: Mapping[str, Label]) -> bool:
        """Check the values drawn so far; a parameter that was not drawn meets no condition."""
        return all(name in drawn and drawn[name] in labels for name, labels in self.wanted.items())

    def an_example(self) -> dict[str, Label]:
        """Return values that meet the conditions."""
        return {name: labels[0] for name, labels in self.wanted.items()}


def in_order(parameters: Sequence[Parameter], conditions: Mapping[str, Conditions]) -> Iterator[Parameter]:
    """Order parameters after those that they depend on, otherwise as written."""
    left, done = list(parameters), set[str]()
    while left:
        ready = [parameter for parameter in left if set(conditions[parameter.name].wanted) <= done]
        if not ready:
            names = ", ".join(parameter.name for parameter in left)
            raise ConfigError(f"optuna.search_spaces: when: {names} depend on each other in a circle")
        yield ready[0]
        done.add(ready[0].name)
        left.remove(ready[0])
