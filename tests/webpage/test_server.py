"""The server answers the page and nobody else, and each question by its own recording."""

import contextlib
import http.client
import json
import re
import shutil
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from tests.webpage.test_answers import wav
from webpage import server as page_server
from webpage.answers import Answers, Question
from webpage.server import MOST_BYTES, PageServer

TYPE = {"Content-Type": "application/octet-stream"}


def ask(server, method, path, body=None, **headers):
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=20)
    connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
    response = connection.getresponse()
    return response, response.read()


def post(server, body, headers=TYPE, **fields):
    path = f"/answer?{urlencode({'model': 'first'} | fields)}"
    response, content = ask(server, "POST", path, body, **headers)
    return response.status, json.loads(content)


def test_an_answer_is_that_of_the_recording(server, models):
    status, answer = post(server, wav(), language="ru", text="да нет")
    expected = Answers(models)(Question(wav(), "first", "ru", "да нет"))
    assert (status, answer) == (200, json.loads(json.dumps(expected)))


def test_users_at_once_get_the_answers_of_their_own_recordings(server, models):
    asked = [(wav(1.0 + seed / 10, seed), model) for seed in range(4) for model in models]
    expected = [json.loads(json.dumps(Answers(models)(Question(*one)))) for one in asked]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda one: post(server, one[0], model=one[1])[1], asked))
    assert found == expected
    assert len({json.dumps(one["transcript"]) for one in found}) == len(found)


def test_more_recordings_than_fit_into_memory_wait_outside(server):
    taken = [server.waiting.acquire(blocking=False) for _ in range(8)]
    try:
        assert post(server, wav())[0] == 503
    finally:
        server.waiting.release(sum(taken))
    assert post(server, wav())[0] == 200


@pytest.mark.parametrize(
    ("body", "fields", "status"),
    [(b"no audio", {}, 415), (wav(), {"model": "other"}, 422), (wav(0.001), {}, 422)],
    ids=["no audio", "unknown model", "too short"],
)
def test_questions_of_no_use_have_a_status_and_a_reason(server, body, fields, status):
    found, answer = post(server, body, **fields)
    assert found == status
    assert re.fullmatch(r"(The|A) [^<>:]*[^.]\.", answer["error"].replace("decoded: ", ""))


@pytest.mark.parametrize(
    ("length", "status"), [(MOST_BYTES + 1, 413), ("9" * 5000, 413), ("-1", 411), ("1e3", 411), ("²", 411)]
)
def test_sizes_are_looked_at_before_a_body_is_read(server, length, status):
    head = f"POST /answer?model=first HTTP/1.1\r\nHost: localhost\r\nContent-Type: {TYPE['Content-Type']}\r\n"
    with socket.create_connection(server.server_address[:2], timeout=20) as connection:
        connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
        assert int(connection.recv(100).split()[1]) == status


@pytest.mark.parametrize(
    "headers",
    [
        TYPE | {"Host": "evil.example"},
        TYPE | {"Origin": "https://evil.example"},
        TYPE | {"Origin": "null"},
        TYPE | {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
    ],
    ids=lambda headers: " ".join(f"{name}: {text}" for name, text in headers.items()),
)
def test_other_sites_are_refused(server, headers):
    status, answer = post(server, wav(), headers)
    assert (status, list(answer)) == (403, ["error"])


def test_a_rebound_name_gets_no_page(server):
    response, _ = ask(server, "GET", "/", Host="evil.example")
    assert response.status == 403


def test_only_the_files_of_the_page_are_served(server):
    for path in ("/../server.py", "/files/page.js", "//etc/passwd", "/page.js/", "/%70age.js", "/answer"):
        response, _ = ask(server, "GET", path)
        assert response.status == 404, path


def test_backups_and_folders_beside_the_files_of_the_page_do_no_harm(server, monkeypatch, tmp_path):
    folder = tmp_path / "files"
    shutil.copytree(page_server._FOLDER, folder)
    for stray in ("page.js~", ".page.js.swp", "#page.js#", "README"):
        (folder / stray).write_text("stray")
    (folder / "old.js").mkdir()
    monkeypatch.setattr(page_server, "_FOLDER", folder)
    page_server._files.cache_clear()
    try:
        assert ask(server, "GET", "/page.js")[0].status == 200
        assert ask(server, "GET", "/page.js~")[0].status == 404
    finally:
        page_server._files.cache_clear()


def test_the_page_forbids_all_other_sources(server):
    response, content = ask(server, "GET", "/?from=a-mail")
    policy = response.headers["Content-Security-Policy"]
    assert response.status == 200
    assert b"<h1>" in content
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy


@pytest.mark.parametrize("limit", ["_LONGEST_S", "_SLOWEST_S"])
def test_a_recording_that_comes_slowly_gives_its_place_to_others(server, monkeypatch, limit):
    monkeypatch.setattr(f"webpage.server.{limit}", 0.1)
    head = f"POST /answer?model=first HTTP/1.1\r\nHost: localhost\r\nContent-Type: {TYPE['Content-Type']}\r\n"
    with socket.create_connection(server.server_address[:2], timeout=20) as connection:
        connection.sendall(f"{head}Content-Length: 100\r\n\r\na".encode())
        time.sleep(0.3)
        connection.sendall(b"a")
        assert int(connection.recv(100).split()[1]) == 408


def test_connections_that_send_nothing_give_way(server):
    silent = [socket.create_connection(server.server_address[:2], timeout=20) for _ in range(200)]
    try:
        for half in silent[::2]:
            with contextlib.suppress(OSError):  # it was closed already
                half.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert ask(server, "GET", "/")[0].status == 200
        assert len(server.idle) <= 64
        assert silent[0].recv(1) == b""
    finally:
        for connection in silent:
            connection.close()


def test_a_browser_that_has_gone_leaves_no_traceback(server, monkeypatch, capfd):
    over = threading.Event()
    end = server.shutdown_request
    monkeypatch.setattr(server, "shutdown_request", lambda request: (end(request), over.set()))
    with socket.create_connection(server.server_address[:2], timeout=20) as connection:
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )  # closes by a reset
    assert over.wait(20)
    assert capfd.readouterr().err == ""


def test_the_address_of_all_interfaces_is_one_that_gets_the_microphone(models):
    with PageServer("0.0.0.0", 0, Answers(models)) as server:  # noqa: S104
        assert not server.is_local
        assert server.address.startswith("http://127.0.0.1:")


def test_an_address_of_ipv6_is_served(models):
    try:
        server = PageServer("::1", 0, Answers(models))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server:
        assert server.is_local
        assert server.address.startswith("http://[::1]:")


def test_a_failure_of_ours_is_an_answer(server, monkeypatch, caplog):
    def fails(question):
        raise RuntimeError("out of order")

    monkeypatch.setattr(server, "answers", fails)
    assert post(server, wav()) == (500, {"error": "The recording cannot be processed."})
    assert "out of order" in caplog.text
