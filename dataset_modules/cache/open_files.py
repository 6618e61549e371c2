"""The limit of open files of a process; a mapped file counts as open."""

import errno
import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from dataset_modules.recording import AudioError

log = logging.getLogger(__name__)

_SPARE = 256  # for all other files of a run
_DESCRIPTORS = "/dev/fd"


def make_room(count: int) -> None:
    """Raise the process's limit for so many more files, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = len(os.listdir(_DESCRIPTORS)) + count + _SPARE
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (OSError, ValueError) as error:  # the system has a lower limit
        log.debug("the limit of open files stays at %d: %s", soft, error)


def is_shortage(error: OSError) -> bool:
    """Return whether a file could not be opened because too many others are open."""
    return error.errno in (errno.EMFILE, errno.ENFILE)


@contextmanager
def shortage_explained(owner: str) -> Iterator[None]:
    """Turn the error of too many open files into advice."""
    try:
        yield
    except OSError as error:
        if not is_shortage(error):
            raise
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        raise AudioError(
            f"{owner}: more files must be open at once than the {limit} that the system allows; raise the "
            f"limit (ulimit -n 65536) and run again"
        ) from error
