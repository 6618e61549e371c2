"""The server of the page: a few static files, and answers about recordings. It keeps nothing."""

import contextlib
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

from reports.html import STYLE_SHEET
from stop_signals import stop_if_requested
from untrusted.printing import printable
from webpage.answers import Answers, Question, UnreadableError, sentence_of
from webpage.request_checks import comes_from_the_page, is_loopback, names_loopback

log = logging.getLogger(__name__)

MOST_BYTES = 32 * 2**20  # of a recording's file
_MOST_WAITING = 8  # recordings in memory
_SLOWEST_S = 30.0  # until the next bytes of a request
_LONGEST_S = 300.0  # until the last ones of a recording
_SLOWEST_BYTES_PER_S = 8192  # of a recording, after the first seconds
_MOST_IDLE = 64  # connections that have not sent the head of a request
_BLOCK_BYTES = 2**16
_FOLDER = Path(__file__).parent / "files"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageServer(ThreadingTCPServer):
    """Serves the page at a host and a port; 0 takes any free port.

    Args:
        host: a loopback address answers requests to names of this machine alone.
        port: of TCP.
        answers: what answers questions about recordings.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, answers: Answers) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.answers = answers
        self.is_local = is_loopback(str(self.server_address[0]))
        self.waiting = threading.BoundedSemaphore(_MOST_WAITING)
        self.idle: dict[object, None] = {}  # sockets in the order in which they came

    @property
    def address(self) -> str:
        """Return the address for a browser."""
        host, port = str(self.server_address[0]), self.server_address[1]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - they get no microphone
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def service_actions(self) -> None:
        """Stop where a signal asks for it."""
        stop_if_requested()

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Serve a connection in a thread; of many that send nothing, the oldest one gives way."""
        self.idle[request] = None
        if len(self.idle) > _MOST_IDLE and isinstance(oldest := next(iter(self.idle.copy())), socket.socket):
            self.idle.pop(oldest, None)
            with contextlib.suppress(OSError):  # it has just ended
                oldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close a connection."""
        self.idle.pop(request, None)
        super().shutdown_request(request)

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Print what failed, except where a browser has gone."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Refusal(Exception):  # noqa: N818 - an answer as others
    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout: ClassVar[float] = _SLOWEST_S
    server_version, sys_version = "page", ""

    def do_GET(self) -> None:  # noqa: N802 - the base calls it
        """Send a file of the page."""
        self._answering(self._get)

    def do_POST(self) -> None:  # noqa: N802 - the base calls it
        """Answer a question about a recording."""
        self._answering(self._post)

    def _answering(self, respond: Callable[[], None]) -> None:
        """Run a response; each failure is a status and a sentence."""
        self.server.idle.pop(self.connection, None)
        try:
            if self.server.is_local and not names_loopback(self.headers.get("Host", "")):
                raise _Refusal(HTTPStatus.FORBIDDEN, "This page answers requests to this machine alone.")
            respond()
        except _Refusal as refusal:
            self._send_json(refusal.status, {"error": str(refusal)})
        except OSError:  # the browser has gone
            self.close_connection = True
        except Exception as error:  # the next request must be answered
            log.warning("try: %s: %s", type(error).__name__, printable(error))
            self._send_json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "The recording cannot be processed."})

    def _get(self) -> None:
        path = urlsplit(self.path).path
        if path == "/offer":
            self._send_json(HTTPStatus.OK, self.server.answers.offer() | {"bytes": MOST_BYTES})
        elif path in _files():
            self._send(HTTPStatus.OK, *_files()[path])
        else:
            raise _Refusal(HTTPStatus.NOT_FOUND, "There is no such file.")

    def _post(self) -> None:
        address = urlsplit(self.path)
        if address.path != "/answer":
            raise _Refusal(HTTPStatus.NOT_FOUND, "There is no such file.")
        if not comes_from_the_page(self.headers):  # type: ignore[arg-type] # a message, whose get is the same
            raise _Refusal(HTTPStatus.FORBIDDEN, "Questions come from the page alone.")
        if not self.server.waiting.acquire(blocking=False):
            raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "Too many recordings are waiting; try again soon.")
        try:
            asked = dict(parse_qsl(address.query))
            fields = {name: asked.get(name, "") for name in ("model", "language", "text")}
            self._send_json(HTTPStatus.OK, self.server.answers(Question(self._content(), **fields)))
        except UnreadableError as error:
            raise _Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error)) from error
        except ValueError as error:
            raise _Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, sentence_of(error)) from error
        finally:
            self.server.waiting.release()

    def _content(self) -> bytes:
        """Read the recording, whose length must be stated."""
        stated = self.headers.get("Content-Length", "")
        if not (stated.isascii() and stated.isdigit()):
            raise _Refusal(HTTPStatus.LENGTH_REQUIRED, "The length of the recording must be stated.")
        if len(stated) > len(str(MOST_BYTES)) or int(stated) > MOST_BYTES:
            limit = f"The recording must have {MOST_BYTES >> 20} MiB at most."
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, limit)
        content = self._read(int(stated))
        if len(content) < int(stated):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "The recording came in part only.")
        return content

    def _read(self, length: int) -> bytes:
        """Read up to so many bytes, in a limited time, because others wait for the place in memory."""
        content, start = bytearray(), time.monotonic()
        while piece := self.rfile.read1(min(length - len(content), _BLOCK_BYTES)):
            content += piece
            allowed = min(_LONGEST_S, _SLOWEST_S + len(content) / _SLOWEST_BYTES_PER_S)
            if time.monotonic() - start > allowed:
                raise _Refusal(HTTPStatus.REQUEST_TIMEOUT, "The recording came too slowly.")
        return bytes(content)

    def _send_json(self, status: HTTPStatus, value: dict[str, object]) -> None:
        self._send(status, "application/json", json.dumps(value, allow_nan=False).encode())

    def _send(self, status: HTTPStatus, content_type: str, content: bytes) -> None:
        framing = "; frame-ancestors 'none'" if self.server.is_local else ""
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", _POLICY + framing)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log no requests: they hold what people say."""


@cache
def _files() -> dict[str, tuple[str, bytes]]:
    """Read the page's files, each with its type, by path."""
    own = (
        file for file in _FOLDER.iterdir() if file.suffix in _TYPES and file.is_file()
    )  # no editor's backups
    files = {f"/{file.name}": (_TYPES[file.suffix], file.read_bytes()) for file in own}
    sheet = (_TYPES[".css"], STYLE_SHEET.encode())
    return files | {"/": files["/page.html"], "/report.css": sheet}
