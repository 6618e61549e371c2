"""Photographs an experiment's report in a browser, as wide as a screen and as a phone, for the documentation.

    .venv/bin/python docs/screenshots.py experiments/demo

It needs Chromium and playwright (the extra dev), and replaces docs/images/.
"""

import argparse
import io
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
WIDE, NARROW = 1280, 400
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_EDGE = 16  # pixels of white beside a cut picture
_COLOURS = 64  # of a picture's palette: small files, and text stays clear


class Shot(NamedTuple):
    """A part of the report: from the top of a section (none: of the page) down to a height.

    ``right`` cuts the white beside a section that does not use the whole width.
    """

    name: str
    width: int
    height: int
    section: str | None = None
    right: int | None = None


SHOTS = (
    Shot("report", WIDE, 660),
    Shot("report_phone", NARROW, 800),
    Shot("confusions", WIDE, 900, "Confusions", 1020),
    Shot("slices", WIDE, 570, "Slices", 860),
    Shot("utterances", WIDE, 680, "Worst utterances", 930),
    Shot("utterances_phone", NARROW, 900, "Worst utterances"),
    Shot("learning", WIDE, 420, "Learning"),
)


def take(browser: Browser, report: Path, folder: Path, shots: Sequence[Shot] = SHOTS) -> Iterator[Path]:
    """Write a picture of every part that the report has; yield the files."""
    for shot in shots:
        page = browser.new_page(viewport={"width": shot.width, "height": shot.height})
        page.goto(report.resolve().as_uri())
        page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
        if (top := _top_of(page, shot.section)) is not None:
            picture = page.screenshot(full_page=True, clip=_clip(page, shot, top))
            yield _saved(picture, folder / f"{shot.name}.png")
        page.close()


def _top_of(page: Page, section: str | None) -> float | None:
    """Return where a section begins, a little above its heading; None where the report lacks it."""
    if section is None:
        return 0.0
    heading = page.get_by_role("heading", name=section, exact=True)
    box = heading.bounding_box() if heading.count() else None
    return None if box is None else max(0.0, box["y"] - 4)


def _clip(page: Page, shot: Shot, top: float) -> dict[str, float]:
    whole = page.evaluate("document.documentElement.scrollHeight")
    left = page.evaluate("document.querySelector('h1').getBoundingClientRect().left") - _EDGE
    x = left if shot.right else 0
    return {
        "x": x,
        "y": top,
        "width": (shot.right or shot.width) - x,
        "height": min(shot.height, whole - top),
    }


def _saved(picture: bytes, path: Path) -> Path:
    """Write a PNG with a palette."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


def main() -> None:
    """Take the pictures of one experiment."""
    parser = argparse.ArgumentParser(description="Photograph an experiment's report for docs/images.")
    parser.add_argument("experiment", type=Path, help="the folder that holds report.html")
    parser.add_argument("--output", type=Path, default=IMAGES)
    options = parser.parse_args()
    program = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for path in take(browser, options.experiment / "report.html", options.output):
            sys.stdout.write(f"{path}: {path.stat().st_size / 1000:.0f} kB\n")
        browser.close()


if __name__ == "__main__":
    main()
