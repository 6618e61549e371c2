"""Where a study is kept: a journal file, or any address that Optuna knows."""

import contextlib
import os
import time
from pathlib import Path

from filelock import FileLock
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalRedisBackend
from optuna.storages.journal._file import BaseJournalFileLock
from sqlalchemy.exc import DatabaseError

from experiment.errors import ConfigError

JOURNAL = "journal.log"
_CLAIMS = ".claims.lock"
_ATTEMPTS = 3


def is_address(storage: str | None) -> bool:
    """Whether a study is kept outside of the file system.

    >>> is_address("postgresql://host/studies"), is_address("studies/a.log"), is_address(None)
    (True, False, False)
    """
    return storage is not None and "://" in storage


def journal_of(storage: str | None, folder: Path) -> Path | None:
    """The file that a study is kept in; None for an address."""
    if is_address(storage):
        return None
    return Path(storage) if storage else folder / JOURNAL


def claims_lock(storage: str | None, folder: Path) -> Path:
    """What workers lock to take a trial: beside the journal, which they share even if no other folder.

    >>> claims_lock("shared/study.log", Path("mine")), claims_lock("postgresql://host/db", Path("mine"))
    (PosixPath('shared/study.log.claims.lock'), PosixPath('mine/.claims.lock'))
    """
    journal = journal_of(storage, folder)
    return folder / _CLAIMS if journal is None else journal.with_name(journal.name + _CLAIMS)


def open_storage(storage: str | None, folder: Path) -> BaseStorage:
    """Connect to a storage, which is made where it is not there."""
    if (journal := journal_of(storage, folder)) is not None:
        return _journal(journal)
    address = str(storage)
    try:
        return _connected(address)
    except Exception as error:  # whatever a driver raises: the address or its server is wrong
        detail = str(error).strip().splitlines() or [type(error).__name__]
        raise ConfigError(
            f"optuna.storage: {_without_password(address)} cannot be opened: {detail[0]}"
        ) from error


def _connected(address: str) -> BaseStorage:
    if address.startswith("redis"):
        return JournalStorage(JournalRedisBackend(address))
    for attempt in range(_ATTEMPTS):
        with contextlib.suppress(DatabaseError):  # two workers may make the tables at the same moment
            return _data_base(address)
        time.sleep(0.5 * (attempt + 1))
    return _data_base(address)


def _data_base(address: str) -> RDBStorage:
    # A connection that the server has closed meanwhile is replaced.
    return RDBStorage(address, engine_kwargs={"pool_pre_ping": True})


class DyingLock(BaseJournalFileLock):
    """A lock that goes with its holder; Optuna's own would hold up whoever comes after a kill for 30 s."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock = FileLock(f"{journal}.flock")

    def acquire(self) -> bool:
        """Wait for it, and see that what will be written begins a line."""
        self._lock.acquire()
        mend_journal(self._journal)
        return True

    def release(self) -> None:
        """Let the next one in."""
        self._lock.release()


def _journal(path: Path) -> JournalStorage:
    path.parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=DyingLock(path)))


def mend_journal(path: Path) -> None:
    """Drop an entry that a crash left without its end; nobody has read it yet. The lock must be held."""
    with contextlib.suppress(FileNotFoundError), path.open("rb+") as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, end - 1))
        if stream.read() in (b"", b"\n"):
            return
        stream.seek(0)
        stream.truncate(stream.read().rfind(b"\n") + 1)


def _without_password(address: str) -> str:
    """The address as it may be shown.

    >>> _without_password("postgresql://me:secret@host/db")
    'postgresql://me:***@host/db'
    """
    scheme, _, rest = address.partition("://")
    credentials, at, place = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}://{user}{':***' if colon else ''}{at}{place}"
