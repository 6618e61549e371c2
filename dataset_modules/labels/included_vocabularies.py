"""The vocabularies of this project, by language."""

import os
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "tokens"
_NAMES = {
    **{"de": "german", "en": "english", "es": "spanish", "fr": "french"},
    **{"it": "italian", "ru": "russian", "tr": "turkish"},
}


def included_vocabulary(language: str) -> Path | None:
    """Return the vocabulary of a language or of a variety of it; None if none is included.

    >>> included_vocabulary("en-us").name, included_vocabulary("sw")
    ('english_phones.json', None)
    """
    name = _NAMES.get(language.split("-")[0].lower())
    if name is None:
        return None
    path = _FOLDER / f"{name}_phones.json"
    return Path(os.path.relpath(path)) if path.is_relative_to(Path.cwd()) else path
