"""The doctor's report holds all findings; a browser shows it in light and dark, on a phone and on paper."""

import re
import shutil
import subprocess
from collections import Counter
from html import unescape

import numpy as np
import pytest

from dataset_modules.recording import SkippedRecording
from doctor.augmentation_examples import AugmentationExample
from doctor.doctor_page import doctor_page
from doctor.findings.every_finding import findings_of
from doctor.survey import Batching

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")


class Corpus:
    max_skipped_share = 0.1


@pytest.fixture(scope="module")
def survey(survey_of, split_of, part_of):
    """A survey with every kind of finding, whose names need escaping in HTML."""
    listed = [
        SkippedRecording(f"x{n}", f"clips/x{n}.wav", "file is <empty>" + " and so on" * 9) for n in range(250)
    ]
    train = split_of(
        "train",
        40,
        num_samples=np.linspace(8000, 160000, 40),
        unknown=Counter({"<ø>": 3}),
        unknown_examples={"<ø>": ["a&b/" + "long_name" * 20 + ".wav"]},
        phonemes={"a": 900, "b": 3, "<ø>": 3},
        parts=(part_of(Corpus(), 300, listed),),
        batching=Batching(7, 0.125, 3, 9.5, 4),
    )
    return survey_of(train)


@pytest.fixture(scope="module")
def document(survey):
    wave = np.sin(np.arange(8000) / 9).astype(np.float32)
    example = AugmentationExample("clip <1>", ("a", "b"), wave, wave / 2, 16000, "")
    return doctor_page("Data of <demo>", survey, findings_of(survey), [example])


def text_of(document):
    return unescape(re.sub(r"<[^>]+>", " ", document))


def test_the_report_holds_verdict_findings_numbers_and_reasons(document, survey):
    text = text_of(document)
    assert "Training would fail: 2 fatal" in text
    for finding in findings_of(survey):
        assert finding.title in text
        assert finding.advice in text
    assert "file is <empty>" in text
    assert "And 50 more, see doctor.json." in text
    assert "12.5%" in text
    assert document.count("<audio ") == 2


def test_the_contents_name_every_section(document):
    sections = re.findall(r'<section id="([^"]+)"', document)
    assert sections == [
        *("findings", "splits", "clips", "phonemes", "batches"),
        *("left-out", "augmentation", "how-it-was-measured"),
    ]
    assert re.findall(r'<a href="#([^"]+)"', document) == sections


def test_the_report_of_good_data_has_no_finding(survey_of):
    text = text_of(doctor_page("Data", survey_of(), []))
    assert "The data are ready for training." in text
    assert "Left out" not in text


def test_empty_data_have_a_report(survey_of, split_of):
    empty = survey_of(*(split_of(name, 0, phonemes={}) for name in ("train", "val", "test")))
    assert "No clip to train on" in text_of(doctor_page("Data", empty, findings_of(empty)))


def test_the_size_of_the_report_does_not_grow_with_the_data(survey_of, split_of):
    large = survey_of(split_of("train", 200_000, speaker=-1))
    assert len(doctor_page("Data", large, findings_of(large))) < 400_000


def chromium(*arguments):
    return subprocess.run(
        [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


@needs_browser
@pytest.mark.parametrize(("scheme", "brightness"), [(1, 255), (0, 23)])
def test_a_browser_shows_the_report_in_light_and_dark(document, tmp_path, scheme, brightness):
    from matplotlib.image import imread

    (tmp_path / "page.html").write_text(document, encoding="utf-8")
    shot = tmp_path / "shot.png"
    chromium(
        f"--blink-settings=preferredColorScheme={scheme}",
        f"--screenshot={shot}",
        (tmp_path / "page.html").as_uri(),
    )
    pixels = np.round(imread(shot)[..., :3] * 255)
    assert pixels[2, 2].mean() == pytest.approx(brightness, abs=3)
    assert pixels.std() > 5  # something stands on it


@needs_browser
def test_on_a_phone_only_tables_scroll_sideways_and_pictures_keep_their_letters(document, tmp_path):
    # The report's policy forbids scripts, so the test measures a copy without the policy.
    measuring = re.sub(r"<meta http-equiv[^>]*>", "", document)
    (tmp_path / "page.html").write_text(measuring, encoding="utf-8")
    (tmp_path / "frame.html").write_text(
        """<iframe id=f src=page.html style="width:390px;height:800px"></iframe><script>
        f.onload = () => { const d = f.contentDocument, s = d.querySelector("figure svg");
        const rows = [...d.querySelectorAll("tr")].map(t => t.getBoundingClientRect().height);
        document.title = [Math.max(...rows), f.contentWindow.innerWidth, d.documentElement.scrollWidth,
          Math.min(...[...d.querySelectorAll("svg text")].map(t => t.getBoundingClientRect().height))] }
        </script>"""
    )
    shown = chromium("--allow-file-access-from-files", "--dump-dom", (tmp_path / "frame.html").as_uri())
    row, visible, whole, letters = map(float, re.search("<title>(.*?)</title>", shown.stdout)[1].split(","))
    assert visible == 390
    assert whole == visible
    assert letters > 8
    assert row < 200  # long cells have room to be read


@needs_browser
def test_printing_unfolds_all_details(document, tmp_path):
    (tmp_path / "page.html").write_text(document, encoding="utf-8")
    paper = tmp_path / "page.pdf"
    chromium(f"--print-to-pdf={paper}", "--no-pdf-header-footer", (tmp_path / "page.html").as_uri())
    folded = tmp_path / "folded.html"
    folded.write_text(document.replace("details::details-content", "details.never"), encoding="utf-8")
    chromium(f"--print-to-pdf={paper}.2", "--no-pdf-header-footer", folded.as_uri())
    assert paper.read_bytes().startswith(b"%PDF")
    assert paper.stat().st_size > (tmp_path / "page.pdf.2").stat().st_size + 500
