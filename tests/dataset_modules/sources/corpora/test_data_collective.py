"""Common Voice from a stand-in for Mozilla Data Collective on this machine, through the real client."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from cli.run import run
from dataset_modules.sources.corpora.data_collective import (
    CommonVoiceRelease,
    fetch_release,
    find_locale,
    find_release,
)

pytest.importorskip("datacollective", reason="the extra common_voice is not installed")

ARCHIVE = bytes(range(256)) * 4000
NAMES = {
    "old": "Common Voice Scripted Speech 9.0 - Russian",
    "new": "Common Voice Scripted Speech 24.0 - Russian",
}


class Service(BaseHTTPRequestHandler):
    """Answers as the service does; ``broken`` downloads end in the middle, once."""

    checksum = hashlib.sha256(ARCHIVE).hexdigest()
    broken = False
    busy = False
    ranges: list[str | None] = []

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        if self.busy:
            self.send_error(429)
        elif self.path.startswith("/api/datasets?"):
            items = [{"id": key, "name": name, "locale": "ru"} for key, name in NAMES.items()]
            items.append({"id": "other", "name": "Common Voice Spontaneous Speech 30.0", "locale": "ru"})
            items += [
                {"id": name, "name": "Common Voice Scripted Speech 24.0", "locale": name}
                for name in ("zh-CN", "zh-TW", "sv-SE", "en", "sw")
            ]
            asked = parse_qs(urlsplit(self.path).query).get("locale")
            known = [item for item in items if asked is None or item["locale"] in asked]
            self._answer({"items": known, "data": known, "datasets": known, "total": len(known)})
        elif self.path.startswith("/api/datasets/"):
            self._answer({"id": "new", "filename": "cv-ru.tar.gz", "checksum": self.checksum})
        else:
            self._send_archive()

    def do_POST(self) -> None:
        if self.headers["Authorization"] != "Bearer secret":
            self.send_error(401)
            return
        address = f"http://127.0.0.1:{self.server.server_port}/archive"
        self._answer({"downloadUrl": address, "sizeBytes": len(ARCHIVE), "checksum": self.checksum})

    def _answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_archive(self) -> None:
        asked = self.headers["Range"]
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(ARCHIVE) - start))
        self.end_headers()
        if Service.broken:
            Service.broken = False
            self.wfile.write(ARCHIVE[: len(ARCHIVE) // 2])
            self.close_connection = True
        else:
            self.wfile.write(ARCHIVE[start:])


@pytest.fixture(autouse=True)
def service(monkeypatch):
    monkeypatch.setattr(Service, "ranges", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MDC_API_URL", f"http://127.0.0.1:{server.server_port}/api")
        monkeypatch.setenv("MDC_API_KEY", "secret")
        yield server
        server.shutdown()


def test_the_newest_release_of_scripted_speech_is_found():
    assert find_release("ru").id == "new"
    assert find_release("ru", "9.0").id == "old"


def test_missing_releases_are_named():
    with pytest.raises(ValueError, match=r"ru 1\.0; it has 9\.0, 24\.0"):
        find_release("ru", "1.0")
    with pytest.raises(ValueError, match="it has none"):
        find_release("xx")


@pytest.mark.parametrize(
    ("language", "locale"),
    [
        ("ru", "ru"),
        ("en-us", "en"),
        ("sv", "sv-SE"),
        ("zh-CN", "zh-CN"),
        ("zh_TW", "zh-TW"),
        ("zh-tw", "zh-TW"),
    ],
)
def test_the_locale_follows_from_the_language(language, locale):
    assert find_locale(language) == locale


@pytest.mark.parametrize("language", ["zh", "cmn"])
def test_several_locales_of_a_language_are_named(language):
    with pytest.raises(ValueError, match=f"--locale must be one of zh-CN, zh-TW, all fit {language}"):
        find_locale(language)


def test_a_language_without_a_release_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="a release of rup, it has none; --locale .* nearest: ru"):
        find_locale("rup")


def test_an_interrupted_download_is_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr(Service, "broken", True)
    with pytest.raises(Exception, match=r"(?i)download"):
        fetch_release("new", tmp_path)
    assert fetch_release("new", tmp_path).read_bytes() == ARCHIVE
    assert Service.ranges[0] is None
    assert Service.ranges[1].startswith("bytes=")


def test_another_checksum_is_refused_and_the_file_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(Service, "checksum", "0" * 64)
    with pytest.raises(ValueError, match="checksum"):
        fetch_release("new", tmp_path)
    assert not list(tmp_path.glob("*.tar.gz"))


def test_a_missing_key_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("MDC_API_KEY")
    with pytest.raises(ValueError, match="MDC_API_KEY"):
        fetch_release("new", tmp_path)


def test_the_command_writes_a_configuration(tmp_path, capsys):
    assert run(["corpus", "common-voice", "--language", "ru", "--output", str(tmp_path)]) == 0
    (dataset,) = yaml.safe_load((tmp_path / "ru.yaml").read_text())["data"]["dataset_classes"]
    assert dataset["init_args"] == {"dataset_name": str(tmp_path / "cv-ru.tar.gz")}
    assert "next: ./run.sh train config/config.yaml" in capsys.readouterr().out


def test_a_service_that_refuses_is_one_message(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Service, "busy", True)
    assert run(["corpus", "common-voice", "--language", "ru", "--output", str(tmp_path)]) == 1
    written = capsys.readouterr().err
    assert "run the command again" in written
    assert "Traceback" not in written


def test_the_configuration_has_the_language_as_espeak_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "dataset_modules.sources.corpora.data_collective.find_release",
        lambda locale, version: CommonVoiceRelease("new", f"English ({locale})", (24,)),
    )
    assert run(["corpus", "common-voice", "--language", "en", "--output", str(tmp_path)]) == 0
    data = yaml.safe_load((tmp_path / "en.yaml").read_text())["data"]
    assert data["language"] == "en-us"
    assert data["dataset_classes"][0]["init_args"]["locale"] == "en"
