"""Common Voice from Mozilla Data Collective, through its client ``datacollective``.

The client resumes interrupted downloads, but it does not compare the file with the release's checksum:
that is done here.
"""

import difflib
import hashlib
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from installation import how_to_install
from phonetics.languages import locales_of

API_KEY = "MDC_API_KEY"  # of the environment, as the client names it
_EXTRA = "common_voice"
_QUERY = "Common Voice Scripted Speech"
_NAME = re.compile(r"common voice.*scripted.*?(\d+(?:\.\d+)*)", re.IGNORECASE)
_PER_PAGE = 100
_MOST_NEAR = 3  # names in a message
_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}  # by the digits of a checksum


class CommonVoiceRelease(NamedTuple):
    """A release of one language."""

    id: str
    name: str
    version: tuple[int, ...]


def find_locale(language: str) -> str:
    """Return the name that the releases have for a language; where several fit, they are named."""
    client = _client()
    for name in dict.fromkeys((language, re.split("[-_]", language)[0])):
        if _releases(client, name):
            return name
    known = {item.locale for item in _items(client, None) if item.locale}
    fitting = locales_of(language, known)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ValueError(f"common-voice: --locale must be one of {', '.join(fitting)}, all fit {language}")
    near = ", ".join(difflib.get_close_matches(language, known, n=_MOST_NEAR, cutoff=0.3))
    raise ValueError(
        f"common-voice: Mozilla Data Collective must have a release of {language}, it has none; --locale "
        f"states another name{near and f', nearest: {near}'}"
    )


def find_release(locale: str, version: str | None = None) -> CommonVoiceRelease:
    """Return the newest release of a language with scripted speech, or the one of a version."""
    releases = _releases(_client(), locale)
    wanted = [one for one in releases if version is None or one.version == _numbers(version)]
    if wanted:
        return max(wanted, key=lambda one: one.version)
    known = ", ".join(
        ".".join(map(str, one.version)) for one in sorted(releases, key=lambda one: one.version)
    )
    raise ValueError(
        f"common-voice: Mozilla Data Collective must have a release of {locale}"
        + (
            f" {version}; it has {known}"
            if known
            else "; it has none: see its names of languages on its site"
        )
    )


def fetch_release(release_id: str, folder: Path, *, show_progress: bool = False) -> Path:
    """Return the archive of a release in a folder: fetched, resumed or already there, and verified."""
    client = _client()
    if not os.environ.get(API_KEY):
        raise ValueError(
            f"common-voice: the environment's {API_KEY} must hold a key; create one in your account of "
            f"Mozilla Data Collective, and accept the data set's terms there"
        )
    checksum = str(client.get_dataset_details(release_id).checksum or "").rpartition(":")[2].lower()
    if len(checksum) not in _ALGORITHMS:
        raise ValueError(f"common-voice: the release must have a checksum, it has {checksum or 'none'}")
    folder.mkdir(parents=True, exist_ok=True)
    path = Path(client.download_dataset(release_id, str(folder), show_progress=show_progress))
    found = _digest(path, _ALGORITHMS[len(checksum)])
    if found != checksum:
        path.unlink()
        raise ValueError(
            f"common-voice: the checksum of {path} must be {checksum}, it was {found}; the file is removed: "
            f"run the command again"
        )
    return path


def _releases(client: Any, locale: str) -> list[CommonVoiceRelease]:  # noqa: ANN401 - an optional package
    return [_release(item) for item in _items(client, locale) if item.locale == locale]


def _items(client: Any, locale: str | None) -> Iterator[Any]:  # noqa: ANN401 - an optional package
    """Yield what the catalogue lists as scripted speech, of one language or of all."""
    page, seen = 1, 0
    while True:
        answer = client.list_datasets(_QUERY, locale=locale, results_per_page=_PER_PAGE, page_number=page)
        yield from (item for item in answer.items if _NAME.search(item.name or ""))
        seen, page = seen + len(answer.items), page + 1
        if not answer.items or seen >= answer.total:
            return


def _release(item: Any) -> CommonVoiceRelease:  # noqa: ANN401 - of an optional package
    match = _NAME.search(item.name)
    return CommonVoiceRelease(item.id, item.name, _numbers(match[1] if match else "0"))


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers.

    >>> _numbers("24.0") > _numbers("9.1")
    True
    """
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _client() -> Any:  # noqa: ANN401 - an optional package
    try:
        return importlib.import_module("datacollective")
    except ImportError as error:
        raise ValueError(
            f"common-voice: the package datacollective must be installed; {how_to_install(_EXTRA)}"
        ) from error


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()
