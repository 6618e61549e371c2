"""Pages in a real browser: they load nothing, fit a phone, and play their audio without errors."""

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.utterance_record import write_records
from evaluation.worst_utterances import keep_audio
from experiment.contents import read_experiment
from experiment.layout import audio_folder, records_file
from reports.comparisons.comparison_page import comparison_page
from reports.experiment_page import experiment_page

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"no browser is installed ({', '.join(BROWSERS)})")

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1200, "height": 900}


@pytest.fixture(scope="module")
def pages(tmp_path_factory, noisy_records) -> dict[str, Path]:
    """The report of an experiment with every section, and a comparison with another experiment."""
    place = tmp_path_factory.mktemp("pages")
    experiments = []
    for name, error_rate in (("one", 0.2), ("two", 0.1)):
        folder = place / name
        folder.mkdir()
        (folder / "config.yaml").write_text(f"custom_folder_name: {name}\n" + "long: " + "x" * 300)
        records = noisy_records(error_rate=error_rate)
        kept = keep_audio(audio_folder(folder, "test"), records, noise_of, 16000)
        write_records(records_file(folder, "test"), kept)
        (folder / "data.json").write_text(
            '{"train": {"clips": 3, "hours": 0.1, "recordings": 4, "skipped": 1}}'
        )
        (folder / "skipped_recordings.tsv").write_text(
            "split\tid\tpath\treason\ntrain\ta\t/x/a.wav\tit is silent\n"
        )
        experiments.append(read_experiment(folder))
    texts = {"experiment": experiment_page(experiments[0]), "comparison": comparison_page(experiments)}
    paths = {name: place / f"{name}.html" for name in texts}
    for name, text in texts.items():
        paths[name].write_text(text, encoding="utf-8")
    return paths


def noise_of(place: int) -> np.ndarray:
    return (np.random.default_rng(place).normal(0, 2000, 16000)).astype(np.int16)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield running
        running.close()


def opened(browser, path, viewport):
    """Load a page; return it with its requests and its errors."""
    page = browser.new_page(viewport=viewport)
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_load_state()
    return page, [url for url in asked if not url.startswith(("data:", path.as_uri()))], wrong


@pytest.mark.parametrize("name", ["experiment", "comparison"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_page_renders_without_faults_requests_or_overflow(pages, browser, name, viewport):
    page, asked, wrong = opened(browser, pages[name], viewport)
    assert (asked, wrong) == ([], [])
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    heights = page.evaluate("[...document.querySelectorAll('main > section')].map(own => own.offsetHeight)")
    assert len(heights) >= 3
    assert min(heights) > 40
    page.close()


def test_elements_wider_than_a_phone_have_a_shadow_and_scroll(pages, browser):
    page, _, _ = opened(browser, pages["experiment"], PHONE)
    page.evaluate("document.querySelectorAll('details').forEach(own => own.open = true)")
    wide = page.evaluate(
        """[...document.querySelectorAll('main *')]
            .filter(own => own.scrollWidth > own.clientWidth + 1 && own.clientWidth)
            .filter(own => getComputedStyle(own).overflowX === 'auto')
            .map(own => [own.tagName, getComputedStyle(own).backgroundImage.includes('gradient')])"""
    )
    assert {name for name, _ in wide} == {"DIV", "PRE"}
    assert all(shadow for _, shadow in wide)
    page.close()


def test_an_experiment_has_every_section(pages, browser):
    page, _, _ = opened(browser, pages["experiment"], DESKTOP)
    titles = page.eval_on_selector_all("main h2", "all => all.map(own => own.textContent)")
    assert titles == [
        *("Results", "Confusions", "Slices", "Lengths and blanks", "Worst utterances", "Data", "Origin"),
    ]
    page.close()


def test_audio_players_play(pages, browser):
    page, _, _ = opened(browser, pages["experiment"], PHONE)
    players = page.query_selector_all("audio")
    assert len(players) == 12
    player = page.evaluate(
        """async () => {
            const player = document.querySelector('audio');
            player.muted = true;
            await player.play();
            await new Promise(done => player.addEventListener('timeupdate', done, {once: true}));
            return {state: player.readyState, seconds: player.duration, error: player.error};
        }"""
    )
    assert player["state"] >= 2
    assert player["seconds"] == pytest.approx(1.0, abs=0.1)
    assert player["error"] is None
    page.close()


def test_spectrograms_are_shown(pages, browser):
    page, _, _ = opened(browser, pages["experiment"], DESKTOP)
    sizes = page.evaluate(
        """async () => Promise.all([...document.querySelectorAll('svg image')].map(async own => {
            const picture = new Image();
            picture.src = own.getAttribute('href');
            await picture.decode();
            return picture.naturalWidth;
        }))"""
    )
    assert len(sizes) == 12
    assert min(sizes) > 50
    page.close()


def test_pictures_of_a_report_are_as_wide_as_asked(pages, browser, tmp_path) -> None:
    spec = importlib.util.spec_from_file_location("screenshots", ROOT / "docs" / "screenshots.py")
    assert spec is not None
    assert spec.loader is not None
    screenshots = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(screenshots)
    shots = [screenshots.Shot("top", 400, 300), screenshots.Shot("absent", 400, 300, "No such section")]
    (picture,) = screenshots.take(browser, pages["experiment"], tmp_path, shots)
    assert Image.open(picture).size == (400, 300)
