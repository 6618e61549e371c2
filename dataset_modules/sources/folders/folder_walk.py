"""A walk through a folder to any depth that visits each folder once."""

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

    def _below(self, top: Path) -> Iterator[tuple[Path, list[str]]]:
        for place, folders, names in os.walk(top):
            here = Path(place)
            self._seen.add(here.resolve())
            shown = {here / name for name in folders if not name.startswith(".")}
            links = {path for path in shown if path.is_symlink()}
            self._links += links
            folders[:] = sorted(path.name for path in shown - links if not self._is_done(path.resolve()))
            self._note_dangling(here, names)
            yield here, names

    def _is_done(self, folder: Path) -> bool:
        left_out = self._excluded is not None and folder.is_relative_to(self._excluded)
        return left_out or folder in self._seen

    def _note_dangling(self, here: Path, names: list[str]) -> None:
        """Note broken links without a suffix: they led to folders, perhaps on a disk that is not mounted."""
        for path in (here / name for name in names if "." not in name):
            if path.is_symlink() and not path.exists():
                self.lost[path] = f"it is a link to {os.readlink(path)}, which is not there"
