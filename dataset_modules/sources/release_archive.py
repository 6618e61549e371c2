"""Unpacking a release's archive: once, whole or not at all, and nothing outside its folder."""

import hashlib
import logging
import shutil
import tarfile
import zlib
from pathlib import Path

from filelock import FileLock

log = logging.getLogger(__name__)

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar")


def is_archive(name: str) -> bool:
    """Whether a name is that of an archive.

    >>> is_archive("cv-corpus-24.0-2025-12-05-ru.tar.gz"), is_archive("data/cv-corpus-24.0/ru")
    (True, False)
    """
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def unpacked(archive: Path, parent: Path) -> Path:
    """The folder with an archive's content, below ``parent``; unpacked on the first call.

    Args:
        archive: the tar file.
        parent: where unpacked archives are kept.
    """
    folder = parent / _folder_name(archive)
    if folder.is_dir():
        return folder
    parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():  # else another process unpacked it while this one waited
            _unpack(archive, folder)
    return folder


def _folder_name(archive: Path) -> str:
    """Changes with the file, so that a newer archive of the same name is unpacked anew."""
    status = archive.stat()
    identity = hashlib.sha256(f"{archive.resolve()} {status.st_size} {status.st_mtime_ns}".encode())
    stem = next(archive.name[: -len(end)] for end in ARCHIVE_SUFFIXES if archive.name.lower().endswith(end))
    return f"{stem}-{identity.hexdigest()[:16]}"


def _unpack(archive: Path, folder: Path) -> None:
    incomplete = folder.with_name(folder.name + ".incomplete")
    shutil.rmtree(incomplete, ignore_errors=True)
    log.info("unpacking %s to %s (once)", archive, folder)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(incomplete, filter="data")  # noqa: S202 - the filter refuses what leaves the folder
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        shutil.rmtree(incomplete, ignore_errors=True)
        raise ValueError(
            f"{archive}: cannot be unpacked: {error}; is it whole, and is there room on the disk?"
        ) from error
    incomplete.rename(folder)
