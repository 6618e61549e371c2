"""A Common Voice release: an archive, or ``<locale>/{clips/*.mp3, train.tsv, dev.tsv, test.tsv, …}``."""

import hashlib
import itertools
import logging
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from filelock import FileLock

from dataset_modules.recording import Recording, Split, UnusableAudio
from dataset_modules.sources.tsv import TsvRow, read_tsv
from phonetics.languages import locales_of
from untrusted.files import open_text
from untrusted.printing import printable

log = logging.getLogger(__name__)

SPLIT_FILES: dict[Split, str] = {"train": "train.tsv", "val": "dev.tsv", "test": "test.tsv"}
_MARKS = (*SPLIT_FILES.values(), "validated.tsv")  # a locale's folder holds one of these
_DURATION_FILES = ("clip_durations.tsv", "times.txt")
# Names of attributes by column; releases use two names for the accent.
_ATTRIBUTES = {
    **{"accent": "accent", "accents": "accent"},
    **{"age": "age", "gender": "gender", "variant": "variant"},
}
_NOT_IN_NAMES = frozenset("/\\")
_LONGEST_NAME = 255  # bytes that file systems allow
_ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar")


def find_locale_folder(root: Path, locales: Sequence[str]) -> Path:
    """Return the first locale's folder: ``root`` itself, a folder in it, or a folder of a release in it."""
    below = [path for locale in locales for path in (root / locale, *sorted(root.glob(f"*/{locale}")))]
    found = next((path for path in (root, *below) if any((path / name).is_file() for name in _MARKS)), None)
    found = found or _only_folder(root, locales)
    missing = [name for name in SPLIT_FILES.values() if not (found / name).is_file()]
    if missing:
        raise ValueError(
            f"CommonVoiceDataset: {found} lacks {', '.join(missing)}; delta releases "
            f"(cv-corpus-<version>-delta-…) come without them, take the full release of that version"
        )
    return found


def _only_folder(root: Path, locales: Sequence[str]) -> Path:
    """Return the one folder whose name means the language, such as ``sv-SE`` for ``sv``."""
    tables = (path for name in _MARKS for level in ("*", "*/*") for path in root.glob(f"{level}/{name}"))
    folders = {path.parent.name: path.parent for path in tables}
    fitting = locales_of(locales[0], folders)
    if len(fitting) == 1:
        return folders[fitting[0]]
    if fitting:
        raise ValueError(
            f"CommonVoiceDataset: locale must be one of {', '.join(fitting)}, all in {root} fit {locales[0]}"
        )
    raise ValueError(
        f"CommonVoiceDataset: dataset_name must be a release (cv-corpus-<version>) or a locale's folder "
        f"in it, {root} holds no train.tsv, and no folder {' or '.join(locales)} that does"
    )


def release_recordings(folder: Path, split: Split) -> Iterator[Recording]:
    """Yield the recordings of a split in the table's order, including unusable ones."""
    table, clips = folder / SPLIT_FILES[split], folder / "clips"
    for row in read_tsv(table, required=("client_id", "path", "sentence")):
        yield _recording(clips, table, row)


def _recording(clips: Path, table: Path, row: TsvRow) -> Recording:
    if row.fault:
        return Recording(f"{table.name}:{row.line}", UnusableAudio(row.fault, table))
    name = _clip_name(row.cells["path"])
    if name is None:
        reason = f"path must be a file's name in clips, got {row.cells['path'][:80]!r}"
        return Recording(f"{table.name}:{row.line}", UnusableAudio(reason, table))
    speaker = row.cells["client_id"] or None
    attributes = speaker_attributes(row.cells)
    return Recording(name, clips / name, text=row.cells["sentence"], speaker=speaker, attributes=attributes)


def speaker_attributes(cells: Mapping[str, object]) -> dict[str, str] | None:
    """Return the speaker's attributes under names that do not depend on the release.

    >>> speaker_attributes({"accents": "England English", "age": "", "gender": "male_masculine"})
    {'accent': 'England English', 'gender': 'male_masculine'}
    """
    return {_ATTRIBUTES[column]: str(cells[column]) for column in _ATTRIBUTES if cells.get(column)} or None


def _clip_name(path: str) -> str | None:
    """Return the file name, which early releases write without a suffix; None if it is not a file name.

    >>> _clip_name("common_voice_ru_1.mp3"), _clip_name("0a1b"), _clip_name("../1.mp3")
    ('common_voice_ru_1.mp3', '0a1b.mp3', None)
    """
    name = path if os.path.splitext(path)[1] else f"{path}.mp3"
    is_plain = path and path not in (".", "..") and path.isprintable() and not set(path) & _NOT_IN_NAMES
    return name if is_plain and len(name.encode()) <= _LONGEST_NAME else None


def stated_locale(folder: Path) -> str | None:
    """Return the locale in the tables; early releases name none."""
    first = itertools.islice(read_tsv(folder / SPLIT_FILES["train"]), 1)
    return next((row.cells.get("locale") or None for row in first), None)


def seconds_of(folder: Path, names: Iterable[str]) -> float | None:
    """Return the total seconds of clips in the release's table of durations; None without a table."""
    table = next((folder / name for name in _DURATION_FILES if (folder / name).is_file()), None)
    if table is None:
        return None
    wanted = set(names)
    with open_text(table, errors="replace", newline="\n") as stream:
        cells = (row for row in map(str.split, stream) if len(row) > 1)
        rows = (row for row in cells if row[-1].replace(".", "", 1).isdigit())
        return sum(float(row[-1]) for row in rows if Path(row[0]).name in wanted) / 1000  # from milliseconds


def is_archive(name: str) -> bool:
    """Return whether a name is that of an archive.

    >>> is_archive("cv-corpus-24.0-2025-12-05-ru.tar.gz"), is_archive("data/cv-corpus-24.0/ru")
    (True, False)
    """
    return name.lower().endswith(_ARCHIVE_SUFFIXES)


def unpacked(archive: Path, parent: Path) -> Path:
    """Return the folder in ``parent`` with an archive's content; unpack it on the first call."""
    folder = parent / _folder_name(archive)
    if folder.is_dir():
        return folder
    parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():  # else another process unpacked it while this one waited
            _unpack(archive, folder)
    return folder


def _folder_name(archive: Path) -> str:
    """Return a name that changes with the file, so that a newer archive is unpacked again."""
    status = archive.stat()
    identity = hashlib.sha256(f"{archive.resolve()} {status.st_size} {status.st_mtime_ns}".encode())
    stem = next(archive.name[: -len(end)] for end in _ARCHIVE_SUFFIXES if archive.name.lower().endswith(end))
    return f"{stem}-{identity.hexdigest()[:16]}"


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Write files alone and within the folder; the filters of ``tarfile`` came with Python 3.11.4."""
    for member in tar:
        name = PurePosixPath(member.name)
        content = tar.extractfile(member) if member.isfile() else None
        if name.is_absolute() or ".." in name.parts or not (content or member.isdir()):
            raise tarfile.ExtractError(f"{printable(member.name)} is no file within the archive's folder")
        target = folder / name
        (target.parent if content else target).mkdir(parents=True, exist_ok=True)
        if content:
            with target.open("wb") as file:
                shutil.copyfileobj(content, file)


def _unpack(archive: Path, folder: Path) -> None:
    incomplete = folder.with_name(folder.name + ".incomplete")
    shutil.rmtree(incomplete, ignore_errors=True)
    log.info("unpacking %s to %s (once)", archive, folder)
    try:
        with tarfile.open(archive) as tar:
            _extract(tar, incomplete)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        shutil.rmtree(incomplete, ignore_errors=True)
        raise ValueError(
            f"{archive}: cannot be unpacked: {error}; is it whole, and is there room on the disk?"
        ) from error
    incomplete.rename(folder)
