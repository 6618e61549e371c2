"""Downloads, from a server on this machine."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dataset_modules.sources.corpora.downloads import fetched

CONTENT = b"sounds" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def address(tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.deb").write_bytes(CONTENT)
    handler = partial(QuietHandler, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_file_is_fetched_once(address, tmp_path):
    path = fetched(f"{address}/a.deb", tmp_path / "new" / "a.deb", SHA256)
    assert path.read_bytes() == CONTENT
    assert fetched("http://127.0.0.1:1/gone", path, SHA256) == path


def test_another_checksum_is_refused_and_nothing_kept(address, tmp_path):
    with pytest.raises(ValueError, match="SHA-256"):
        fetched(f"{address}/a.deb", tmp_path / "a.deb", "0" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["served"]


def test_a_damaged_file_is_fetched_again(address, tmp_path):
    path = tmp_path / "a.deb"
    path.write_bytes(b"half")
    assert fetched(f"{address}/a.deb", path, SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize("place", ["http://127.0.0.1:1/a.deb", "missing"])
def test_an_address_that_does_not_answer_is_named(address, tmp_path, place):
    place = place if place.startswith("http") else f"{address}/{place}"
    with pytest.raises(ConnectionError, match="cannot be fetched"):
        fetched(place, tmp_path / "a.deb", SHA256)


def test_other_schemes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must begin with"):
        fetched("ftp://127.0.0.1/a", tmp_path / "a", SHA256)
