"""The page in a real browser whose microphone plays a WAV: what it shows is what the model finds."""

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile

from tests.inference.tiny_models import speech
from tests.reports.test_browser import BROWSER, BROWSERS, DESKTOP, PHONE
from tests.webpage.test_answers import wav

pytest.importorskip("playwright")
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"no browser is installed ({', '.join(BROWSERS)})")
DONE = "#status:text-matches('recognised in')"
PHONEMES = "all => all.map(own => [own.textContent, own.title])"
CELLS = "all => all.map(own => [...own.children].map(part => part.textContent))"


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    said = tmp_path_factory.mktemp("microphone") / "said.wav"
    soundfile.write(said, speech(4.0, 3), 16000)
    fake = ("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream")
    options = ["--no-sandbox", *(f"--{name}" for name in fake), f"--use-file-for-fake-audio-capture={said}"]
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=BROWSER, args=options)
        yield running
        running.close()


@pytest.fixture
def opened(browser, server):
    """Open the page at a size; at the end nothing was requested elsewhere, and nothing failed."""
    asked, wrong, pages = [], [], []

    def open_page(viewport):
        page = browser.new_page(viewport=viewport)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        pages.append(page)
        page.goto(server.address)
        page.wait_for_selector("#controls:enabled")
        return page

    yield open_page
    for page in pages:
        page.close()
    refused = re.compile("status of 4(15|22)")  # the browser's own line
    assert [text for text in wrong if not refused.search(text)] == []
    assert [url for url in asked if not url.startswith((server.address, "data:", "blob:"))] == []


def choose(page, content, name="said.wav"):
    with page.expect_response("**/answer*") as response:
        page.set_input_files("#file", {"name": name, "mimeType": "audio/wav", "buffer": content})
    assert response.value.status == 200
    page.wait_for_selector(DONE)


def test_what_is_recorded_is_shown_as_transcribe_and_score_find_it(
    opened, server, models, dictionary, monkeypatch
):
    page = opened(DESKTOP)
    answers, asked = server.answers, []
    monkeypatch.setattr(server, "answers", lambda question: asked.append(question) or answers(question))
    page.fill("#text", "да нет")
    page.click("#record")
    page.wait_for_selector("#seconds:text-matches('[2-9]\\.[0-9] s')")
    assert page.text_content("#status") == "Recording…"  # which is read out; the seconds are not
    with page.expect_response("**/answer*"):
        page.click("#record")
    page.wait_for_selector(DONE)
    assert page.is_visible("#answer")
    samples, rate = soundfile.read(io.BytesIO(asked[0].content), dtype="float32")
    assert len(samples) > 2 * rate
    assert np.abs(samples).max() > 0.05
    recognizer = models["first"].recognizer
    shown = [
        [
            one.symbol,
            f"[{one.symbol}] {one.start_seconds:.2f} to {one.end_seconds:.2f} s, "
            f"confidence {100 * one.confidence:.0f} %",
        ]
        for one in recognizer(samples, rate).phonemes
    ]
    found = page.eval_on_selector_all("#phonemes button", PHONEMES)
    assert [one for one, _ in found] == [one for one, _ in shown]
    same = [one == other for (_, one), (_, other) in zip(found, shown, strict=True)]
    assert np.mean(same) > 0.9  # two languages round halves otherwise
    score = recognizer.score(samples, rate, "да нет", language="ru", text_to_phonemes=dictionary)
    cells = page.eval_on_selector_all("#words button:not(.added)", CELLS)
    said = [one.symbol if not one.is_doubtful else one.said or "∅" for one in score.phonemes]
    assert cells == [[one.symbol, other] for one, other in zip(score.phonemes, said, strict=True)]


def test_phonemes_are_played_by_keyboard(opened):
    page = opened(DESKTOP)
    choose(page, wav())
    page.focus("#play")
    page.keyboard.press("Tab")  # the region that scrolls may be a stop
    if page.evaluate("document.activeElement.id") == "view":
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    second = "document.querySelectorAll('#phonemes button')[1]"
    assert page.evaluate(f"document.activeElement === {second}")
    assert page.text_content("#detail") == page.evaluate(f"{second}.title")
    page.evaluate(
        f"""() => {{
            const look = () => {{ window.wasPlaying ||= {second}.classList.contains('playing'); }};
            new MutationObserver(look).observe({second}, {{attributes: true}});
        }}"""
    )
    page.keyboard.press("Enter")
    page.wait_for_selector("#phonemes button[class='']", state="attached")
    assert page.evaluate("window.wasPlaying")
    page.keyboard.press("End")
    assert page.evaluate(
        "document.activeElement === [...document.querySelectorAll('#phonemes button')].at(-1)"
    )


def test_model_and_language_are_chosen_where_there_are_several(opened):
    page = opened(DESKTOP)
    assert page.is_visible("#language")
    choose(page, wav())
    before = page.text_content("#phonemes")
    with page.expect_response("**/answer*model=second*"):
        page.select_option("#model", "second")
    page.wait_for_selector(DONE)
    assert page.text_content("#phonemes") != before
    assert not page.is_visible("#language")


def test_a_file_that_is_no_audio_leaves_a_reason(opened):
    page = opened(DESKTOP)
    page.set_input_files("#file", {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"no audio"})
    page.wait_for_selector("#fault:not(:empty)")
    assert "cannot be decoded" in page.text_content("#fault")
    assert not page.is_visible("#answer")


@pytest.mark.parametrize(
    "answer",
    [{"status": 403, "json": {"error": "Refused."}}, {"status": 502, "body": "<h1>no JSON</h1>"}, None],
    ids=["refused", "a proxy", "no server"],
)
def test_a_server_that_does_not_answer_is_a_message(browser, server, answer):
    page = browser.new_page()
    page.route("**/offer", lambda route: route.fulfill(**answer) if answer else route.abort())
    page.goto(server.address)
    page.wait_for_selector("#fault:not(:empty)")
    expected = "Refused." if answer and "json" in answer else "does not answer"
    assert expected in page.text_content("#fault")
    assert page.is_disabled("#record")
    page.close()


def test_a_server_that_has_ended_is_a_message(browser, server):
    page = browser.new_page()
    page.goto(server.address)
    page.wait_for_selector("#controls:enabled")
    page.route("**/answer*", lambda route: route.abort())
    page.set_input_files("#file", {"name": "said.wav", "mimeType": "audio/wav", "buffer": wav()})
    page.wait_for_selector("#fault:text-matches('does not answer')")
    page.close()


def test_a_slow_conversion_does_not_replace_a_newer_recording(opened, server, monkeypatch):
    page, newer = opened(DESKTOP), wav(2.0, 2)  # made once: its header holds the time
    answers, asked = server.answers, []
    monkeypatch.setattr(server, "answers", lambda question: asked.append(question) or answers(question))
    page.evaluate(
        """() => {
            const decode = OfflineAudioContext.prototype.decodeAudioData;
            OfflineAudioContext.prototype.decodeAudioData = async function (content) {
                document.body.dataset.converting = "yes";
                await new Promise((end) => (window.endConversion = end));
                return decode.call(this, content);
            };
        }"""
    )
    page.route("**/answer*", lambda route: route.fulfill(status=415, json={"error": "Unknown."}), times=1)
    page.set_input_files("#file", {"name": "old.m4a", "mimeType": "audio/mp4", "buffer": wav(1.0, 1)})
    page.wait_for_selector("body[data-converting]")
    choose(page, newer)
    with page.expect_response("**/answer*"):
        page.evaluate("window.endConversion()")
    with page.expect_response("**/answer*"):
        page.click("#score")
    assert [asked[0].content, asked[-1].content] == [newer] * 2
    assert len(asked) == 3


def test_the_page_fits_a_phone(opened):
    page = opened(PHONE)
    page.fill("#text", "да нет " * 20)
    choose(page, wav(8.0))
    assert page.is_visible("#words")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    small = page.evaluate(
        """[...document.querySelectorAll('button, select, textarea')]
            .filter(own => own.offsetParent && own.offsetHeight < 40).map(own => own.id || own.textContent)"""
    )
    assert small == []


def test_text_of_an_answer_is_no_markup(opened, server, monkeypatch):
    answers = server.answers

    def hostile(question):
        answer = answers(question)
        answer["score"] = {"fault": "<img src=x onerror=alert(1)>"}
        answer["transcript"]["words"][0][0]["phoneme"] = "<b>a</b>"
        return answer

    page = opened(DESKTOP)
    monkeypatch.setattr(server, "answers", hostile)
    choose(page, wav())
    assert page.text_content("#summary") == "<img src=x onerror=alert(1)>"
    assert page.query_selector("#phonemes b, #summary img") is None


def test_the_sentence_is_typed_corrected_and_left_by_keyboard(opened):
    page = opened(DESKTOP)
    page.focus("#text")
    page.keyboard.type("да нетт")
    page.keyboard.press("Backspace")
    assert page.input_value("#text") == "да нет"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") != "text"
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == "text"


def test_a_screen_reader_is_informed_of_results_and_errors(opened):
    page = opened(DESKTOP)
    page.fill("#text", "да нет")
    choose(page, wav())
    count = page.locator("#phonemes button").count()
    whole = page.text_content("#summary")
    assert page.text_content("#status") == f"{count} phonemes were recognised in 2.0 s. {whole}"
    assert "status" in page.locator("#status").aria_snapshot()
    assert page.text_content("#fault") == ""
    page.set_input_files("#file", {"name": "a.wav", "mimeType": "audio/wav", "buffer": wav(0.001)})
    page.wait_for_selector("#fault:not(:empty)")
    said = page.get_by_role("alert").text_content()
    assert said.startswith("The recording must last 0.0")
    assert said.endswith("s at least, it lasts 0.001 s.")
    assert page.text_content("#status") == ""
    nameless = """[...document.querySelectorAll('button, select, textarea, input, meter, [role=region]')]
        .filter(own => !(own.getAttribute('aria-label') || own.labels?.length || own.textContent.trim()))"""
    assert page.evaluate(f"{nameless}.map(own => own.id)") == []


def test_the_button_keeps_the_focus_while_the_microphone_starts_and_stops(opened):
    page = opened(DESKTOP)
    page.focus("#record")
    for state in (".recording", ":not(.recording)"):
        page.keyboard.press("Enter")
        page.wait_for_selector(f"#record{state}")
        assert page.evaluate("document.activeElement.id") == "record"
        if state == ".recording":
            page.wait_for_selector("#seconds:text-matches('[1-9]')")
    page.wait_for_selector(DONE)
