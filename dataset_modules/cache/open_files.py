"""How many files a process may hold open: a mapped file counts as one for as long as it is mapped."""

import errno
import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from dataset_modules.recording import AudioError

log = logging.getLogger(__name__)

_SPARE = 256  # for all else that a run opens
_DESCRIPTORS = "/dev/fd"


def make_room(count: int) -> None:
    """Raise the process's own limit, where so many more files would pass it, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = len(os.listdir(_DESCRIPTORS)) + count + _SPARE
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (OSError, ValueError) as error:  # a system with a lower limit of its own
        log.debug("the limit of open files stays at %d: %s", soft, error)


def is_shortage(error: OSError) -> bool:
    """Whether a file could not be opened because too many others are; nothing is wrong with it then."""
    return error.errno in (errno.EMFILE, errno.ENFILE)


@contextmanager
def shortage_told(owner: str) -> Iterator[None]:
    """Say what to do where too many files are open."""
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
