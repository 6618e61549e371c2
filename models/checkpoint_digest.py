"""What tells the content of one checkpoint from another's: names of files, such as last.ckpt, do not."""

import hashlib
from functools import lru_cache
from pathlib import Path


def checkpoint_digest(path: Path) -> str:
    """The digest of a checkpoint file; a file that has not changed is read once."""
    facts = path.stat()
    return _digest(path.resolve(), facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=16)
def _digest(path: Path, mtime_ns: int, size: int) -> str:  # noqa: ARG001 - they are part of the key
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=32)).hexdigest()
