"""A walk through a folder to any depth that visits each folder once."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


class FolderWalk:
    """Visits a folder to any depth, except hidden folders and an excluded one.

    A linked folder is visited if it lies inside and was not visited otherwise, so that no recording occurs
    twice. Other links are not followed; ``lost`` names them afterwards.
    """

    def __init__(self, root: Path, excluded: Path | None = None) -> None:
        self.root = root
        self.lost: dict[Path, str] = {}  # broken links and links outside, with reasons
        self.linked: set[str] = set()  # the files that are links, by their paths below the root
        self._excluded = excluded.resolve() if excluded else None
        self._seen: set[Path] = set()
        self._links: list[Path] = []

    def __iter__(self) -> Iterator[tuple[Path, list[str]]]:
        """Yield each folder and the names of its files."""
        yield from self._below(self.root)
        while self._links:
            self._links.sort()
            link = self._links.pop(0)
            target = link.resolve()
            if not target.is_relative_to(self.root.resolve()):
                self.lost[link] = f"a linked folder must lie below {self.root}, this one is {target}"
            elif not self._is_done(target):
                yield from self._below(link)

    def _below(self, start: Path) -> Iterator[tuple[Path, list[str]]]:
        self._seen.add(start.resolve())
        waiting = [start]
        while waiting:  # no recursion: folders can be nested deeper than Python's calls
            here = waiting.pop()
            folders, names = self._entries(here)
            yield here, names
            for folder in sorted(folders, reverse=True):
                if not self._is_done(folder.resolve()):
                    self._seen.add(folder.resolve())
                    waiting.append(folder)

    def _entries(self, here: Path) -> tuple[list[Path], list[str]]:
        """Return the folders in a folder, without linked ones, and the names of its files."""
        folders: list[Path] = []
        names: list[str] = []
        with contextlib.suppress(OSError), os.scandir(here) as entries:
            for entry in entries:
                is_link = entry.is_symlink()
                if not (os.path.isdir(entry.path) if is_link else entry.is_dir(follow_symlinks=False)):
                    names.append(entry.name)
                    if is_link:
                        self._note_link(here / entry.name)
                elif not entry.name.startswith("."):
                    (self._links if is_link else folders).append(here / entry.name)
        return folders, names

    def _is_done(self, folder: Path) -> bool:
        left_out = self._excluded is not None and folder.is_relative_to(self._excluded)
        return left_out or folder in self._seen

    def _note_link(self, path: Path) -> None:
        """Note a linked file; a broken link without a suffix led to a folder, perhaps on a lost disk."""
        self.linked.add(path.relative_to(self.root).as_posix())
        if "." not in path.name and not path.exists():
            self.lost[path] = f"it is a link to {os.readlink(path)}, which is not there"
