"""The folders below one, each once, also where links lead to them."""

import os
from collections.abc import Iterator
from pathlib import Path


class FolderWalk:
    """Goes through a folder to any depth; hidden folders are passed over.

    A linked folder is gone through where it lies inside and is not among the others anyway, so that no
    recording comes twice. Other links are not followed, and told afterwards.

    Args:
        root: where to begin.
        excluded: a folder that is left out.
    """

    def __init__(self, root: Path, excluded: Path | None = None) -> None:
        self.root = root
        self.lost: dict[Path, str] = {}  # why what a link promises is not there; known at the end
        self._excluded = excluded.resolve() if excluded else None
        self._seen: set[Path] = set()
        self._links: list[Path] = []

    def __iter__(self) -> Iterator[tuple[Path, list[str]]]:
        """Each folder, and the names of the files in it."""
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
        """Of a link without a suffix: it was one to a folder, a disk perhaps that is not mounted."""
        for path in (here / name for name in names if "." not in name):
            if path.is_symlink() and not path.exists():
                self.lost[path] = f"it is a link to {os.readlink(path)}, which is not there"
