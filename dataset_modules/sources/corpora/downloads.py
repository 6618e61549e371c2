"""Fetch a file from a web server, and accept it only with the right checksum."""

import hashlib
import logging
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from durable_files import replacing

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 60.0
_BLOCK_BYTES = 1 << 20
_SCHEMES = ("https://", "http://", "file://")


def fetched(address: str, path: Path, sha256: str) -> Path:
    """Return a file with this checksum: the one at ``path``, or the one at ``address``, put there.

    Raises ``ConnectionError`` where the address cannot be read, and ``ValueError`` for another checksum.
    """
    if path.is_file() and sha256_of(path) == sha256:
        return path
    if not address.startswith(_SCHEMES):
        raise ValueError(f"the address must begin with one of {', '.join(_SCHEMES)}, got {address!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    log.info("fetching %s", address)
    try:
        _fetch(address, path, sha256)
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise ConnectionError(f"{address} cannot be fetched: {reason}") from error
    return path


def _fetch(address: str, path: Path, sha256: str) -> None:
    with (
        urllib.request.urlopen(address, timeout=_TIMEOUT_SECONDS) as response,  # noqa: S310 - checked
        replacing(path, path.with_name(f"{path.name}.part")) as stream,
    ):
        found = hashlib.sha256()
        while block := response.read(_BLOCK_BYTES):
            found.update(block)
            stream.write(block)
        if found.hexdigest() != sha256:
            raise ValueError(
                f"{address}: its SHA-256 must be {sha256}, it is {found.hexdigest()}; the file is not kept"
            )


def sha256_of(path: Path) -> str:
    """Return the checksum of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
