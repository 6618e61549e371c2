"""Open the storage of a study: a journal file, or any address that Optuna accepts."""

import contextlib
import json
import os
import time
from functools import cached_property, partial
from pathlib import Path

from filelock import FileLock
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalRedisBackend
from optuna.storages.journal._file import BaseJournalFileLock
from sqlalchemy.exc import DatabaseError

from experiment.errors import ConfigError
from untrusted.printing import printable

JOURNAL = "journal.log"
_CLAIMS = ".claims.lock"


class SearchStorage:
    """The storage of a study, opened at its first use.

    Args:
        address: a database's address, a journal's path, or None for a journal in the search's folder.
        folder: the search's folder.

    >>> SearchStorage("shared/study.log", Path("mine")).lock_file
    PosixPath('shared/study.log.claims.lock')
    >>> SearchStorage("postgresql://host/db", Path("mine")).lock_file
    PosixPath('mine/.claims.lock')
    """

    def __init__(self, address: str | None, folder: Path) -> None:
        self._address = address or str(folder / JOURNAL)
        self._journal = None if "://" in self._address else Path(self._address)
        # Beside the journal, which workers share even if they share no other folder.
        journal = self._journal
        self.lock_file = folder / _CLAIMS if journal is None else journal.with_name(journal.name + _CLAIMS)

    @property
    def has_common_lock(self) -> bool:
        """Whether all workers share the lock file: those of one journal do."""
        return self._journal is not None

    @property
    def exists(self) -> bool:
        """Whether a study may be there already."""
        return self._journal is None or self._journal.is_file()

    @cached_property
    def connection(self) -> BaseStorage:
        """The open storage, which is created where it does not exist."""
        if self._journal is not None:
            self._journal.parent.mkdir(parents=True, exist_ok=True)
            return _journal_storage(self._journal)
        try:
            return _connected(self._address)
        except Exception as error:  # whatever a driver raises: the address or its server is wrong
            detail = str(error).strip().splitlines() or [type(error).__name__]
            raise ConfigError(
                f"optuna.storage: {_without_password(self._address)} cannot be opened: {detail[0]}"
            ) from error


def _journal_storage(journal: Path) -> JournalStorage:
    """Open a journal, which reads it; a damaged line is a mistake that names it, with the way out."""
    lock = DyingLock(journal)
    try:
        return JournalStorage(JournalFileBackend(str(journal), lock_obj=lock))
    except OSError:
        raise
    except Exception as error:
        line = _first_damaged_line(journal)
        raise ConfigError(
            f"optuna.storage: {printable(journal)} is damaged{'' if line is None else f' in line {line}'}: "
            f"{type(error).__name__}: {printable(error, most_characters=100)}; remove that line, whose trial "
            "is lost, or move the file away to begin the search anew"
        ) from error


def _first_damaged_line(journal: Path) -> int | None:
    """Return the number of the first line that is no entry; None where each is one by itself."""
    with journal.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                return number
            if not isinstance(entry, dict) or not isinstance(entry.get("op_code"), int):
                return number
    return None


def _connected(address: str) -> BaseStorage:
    if address.startswith("redis"):
        return JournalStorage(JournalRedisBackend(address))
    # A connection that the server has closed meanwhile is replaced.
    connect = partial(RDBStorage, address, engine_kwargs={"pool_pre_ping": True})
    for pause_s in (0.5, 1.0, 1.5):
        with contextlib.suppress(DatabaseError):  # two workers may create the tables at the same moment
            return connect()
        time.sleep(pause_s)
    return connect()


class DyingLock(BaseJournalFileLock):
    """A lock that ends with its process; after a kill, Optuna's own lock would stop the next one for 30 s."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock = FileLock(f"{journal}.flock")

    def acquire(self) -> bool:
        """Wait for the lock, and make sure that the next entry begins a line."""
        self._lock.acquire()
        mend_journal(self._journal)
        return True

    def release(self) -> None:
        """Let the next process have the lock."""
        self._lock.release()


def mend_journal(path: Path) -> None:
    """Drop an incomplete last entry, which a crash has left; the caller must hold the lock."""
    with contextlib.suppress(FileNotFoundError), path.open("rb+") as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, end - 1))
        if stream.read() in (b"", b"\n"):
            return
        stream.seek(0)
        stream.truncate(stream.read().rfind(b"\n") + 1)


def _without_password(address: str) -> str:
    """Return the address with its password hidden.

    >>> _without_password("postgresql://me:secret@host/db")
    'postgresql://me:***@host/db'
    """
    scheme, _, rest = address.partition("://")
    credentials, at, place = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}://{user}{':***' if colon else ''}{at}{place}"
