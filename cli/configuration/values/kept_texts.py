"""Texts in a search's choices stay texts: jsonargparse would read ``"no"`` as YAML once more, as false."""

from collections.abc import Callable
from typing import Any

from jsonargparse.typing import register_type


class KeptText(str):
    """A text that YAML would read as another value."""

    __slots__ = ()


register_type(KeptText, serializer=str, deserializer=KeptText)


def keep_texts(content: Any, parse: Callable[[str], Any]) -> Any:  # noqa: ANN401 - any data
    """Mark the texts among the choices and conditions of a configuration's search spaces."""
    section = content.get("optuna") if isinstance(content, dict) else None
    spaces = section.get("search_spaces") if isinstance(section, dict) else None
    for space in spaces.values() if isinstance(spaces, dict) else ():
        for key in ("choices", "when"):
            if isinstance(space, dict) and key in space:
                space[key] = _kept(space[key], parse)
    return content


def _kept(value: Any, parse: Callable[[str], Any]) -> Any:  # noqa: ANN401 - any data
    if isinstance(value, dict):
        return {name: _kept(one, parse) for name, one in value.items()}
    if isinstance(value, list):
        return [_kept(one, parse) for one in value]
    return KeptText(value) if isinstance(value, str) and _reads_as_another(value, parse) else value


def _reads_as_another(text: str, parse: Callable[[str], Any]) -> bool:
    try:
        return bool(parse(text) != text)
    except Exception:  # noqa: BLE001 - no YAML: it is taken as it is
        return False
