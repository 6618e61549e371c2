"""Store the phonemes of texts on disk, so that each text is converted once."""

import functools
import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterable, Sequence
from multiprocessing.util import Finalize
from pathlib import Path

from phonetics.text_to_phonemes.base import GraphemeToPhoneme

log = logging.getLogger(__name__)

_MAX_PENDING = 512
_WAIT_SECONDS = 60.0  # for another process that writes
_KEYS_PER_QUERY = 500
_Phonemes = tuple[str, ...]


class StoredPhonemes(GraphemeToPhoneme):
    """Stores the results of a backend in a file, by its fingerprint and the text.

    Whole texts are stored and not words: the phonemes of a word depend on its neighbours. Several
    processes may share the file; it is created where it is missing. Without a usable file nothing is stored.
    """

    def __init__(self, backend: GraphemeToPhoneme, path: Path) -> None:
        self.backend = backend
        self.language = backend.language
        self.path = path
        self._fingerprint = backend.fingerprint()

    def __call__(self, text: str) -> _Phonemes:
        """Look a text up, or convert and store it."""
        return self.batch([text])[0]

    def batch(self, texts: Sequence[str]) -> list[_Phonemes]:
        """Convert the texts that are not in the file in one batch."""
        keys = [self._key(text) for text in texts]
        store = _store(self.path, os.getpid())
        known = store.read(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            made = dict(zip(missing, self.backend.batch(list(missing.values())), strict=True))
            store.write(made)
            known |= made
        return [known[key] for key in keys]

    def fingerprint(self) -> str:
        """Return the fingerprint of the backend: the file does not change phonemes."""
        return self._fingerprint

    def needs_language(self) -> bool:
        """Ask the backend."""
        return self.backend.needs_language()

    def check(self, texts: Iterable[str] = ()) -> None:
        """Check the backend."""
        self.backend.check(texts)

    def _key(self, text: str) -> bytes:
        content = f"{self._fingerprint}\0{text}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(content, digest_size=16).digest()


@functools.lru_cache(maxsize=8)
def _store(path: Path, process_id: int) -> "_Store":  # noqa: ARG001 - SQLite does not survive a fork
    return _Store(path)


class _Store:
    """A table of key → phonemes; writes are collected, since each transaction costs a lock and a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pending: dict[bytes, _Phonemes] = {}
        self.connection = self._open() or self._open_anew()
        if self.connection is not None:
            # Unlike atexit, this runs at the end of a pool's processes as well.
            Finalize(self, _flush, args=(self.connection, self.pending), exitpriority=1)

    def read(self, keys: Sequence[bytes]) -> dict[bytes, _Phonemes]:
        """Return the stored phonemes of those keys that have some."""
        found = {key: self.pending[key] for key in keys if key in self.pending}
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            part = [key for key in keys[start : start + _KEYS_PER_QUERY] if key not in found]
            found |= self._select(part) if part else {}
        return found

    def write(self, phonemes: dict[bytes, _Phonemes]) -> None:
        """Store phonemes, now or together with the next ones."""
        self.pending |= phonemes
        if len(self.pending) >= _MAX_PENDING:
            if self.connection is not None and not _flush(self.connection, self.pending):
                self._give_up("it cannot be written")
            self.pending.clear()

    def _select(self, keys: Sequence[bytes]) -> dict[bytes, _Phonemes]:
        if self.connection is None:
            return {}
        query = f"SELECT key, phonemes FROM phonemes WHERE key IN ({','.join('?' * len(keys))})"  # noqa: S608 - marks
        try:
            return {key: tuple(json.loads(value)) for key, value in self.connection.execute(query, keys)}
        except (sqlite3.Error, ValueError) as error:
            self._give_up(str(error))
            return {}

    def _open(self) -> sqlite3.Connection | None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None)
            # The newest entries may be lost when the machine stops; waiting for the disk costs more.
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS phonemes (key BLOB PRIMARY KEY, phonemes TEXT) WITHOUT ROWID"
            )
            connection.execute("SELECT key, phonemes FROM phonemes LIMIT 1").fetchone()
        except (sqlite3.Error, OSError) as error:
            log.warning("phonemes: %s cannot be used: %s", self.path, error)
            return None
        return connection

    def _open_anew(self) -> sqlite3.Connection | None:
        """Rename a damaged file; where that is not possible phonemes are not stored."""
        if not self.path.is_file():
            return None
        try:
            self.path.replace(self.path.with_name(self.path.name + ".damaged"))
        except OSError:
            return None
        return self._open()

    def _give_up(self, reason: str) -> None:
        log.warning("phonemes: %s is no longer used: %s", self.path, reason)
        self.connection = None


def _flush(connection: sqlite3.Connection, pending: dict[bytes, _Phonemes]) -> bool:
    rows = [(key, json.dumps(value, ensure_ascii=False)) for key, value in pending.items()]
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT OR IGNORE INTO phonemes VALUES (?, ?)", rows)
        connection.execute("COMMIT")
    except sqlite3.Error:
        return False
    return True
