"""A server on loopback that answers the requests of huggingface_hub's client, and keeps what it receives."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_of_a_test"  # noqa: S105 - no secret


class HubStandIn:
    """The state of the server: repositories with their files; ``refuses`` answers writes with 403."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.refuses = False
        self.address = ""


@contextmanager
def served() -> Iterator[HubStandIn]:
    """Serve a stand-in while the block runs."""
    hub = HubStandIn()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: HubStandIn

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"error": "Invalid username or password."})
        if self.path == "/api/whoami-v2":
            return self._answer(200, {"name": "anna", "type": "user"})
        name = self.path.removeprefix("/api/models/").partition("/revision")[0]
        if name in self.hub.repositories:
            return self._answer(200, {"id": name, "private": self.hub.private[name], "siblings": []})
        return self._answer(404, {"error": f"nothing at {self.path}"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.hub.refuses:
            return self._answer(403, {"error": "You don't have the rights to create a model here"})
        if self.path == "/api/repos/create":
            return self._create(json.loads(body))
        if self.path.endswith("/preupload/main"):
            return self._answer(200, {"files": [_placed(file) for file in json.loads(body)["files"]]})
        if self.path.endswith("/commit/main"):
            return self._commit([json.loads(line) for line in body.splitlines()])
        return self._answer(200, {})  # validate-yaml

    def _create(self, request: dict[str, Any]) -> None:
        name = "/".join(filter(None, (request.get("organization"), request["name"])))
        address = {"url": f"{self.hub.address}/{name}"}
        if name in self.hub.repositories:
            return self._answer(409, {"error": "You already created this model repo"} | address)
        self.hub.repositories[name] = {}
        self.hub.private[name] = bool(request.get("private") or request.get("visibility") == "private")
        return self._answer(200, address)

    def _commit(self, lines: list[dict[str, Any]]) -> None:
        name = self.path.removeprefix("/api/models/").removesuffix("/commit/main")
        for line in lines:
            if line["key"] == "file":
                content = base64.b64decode(line["value"]["content"])
                self.hub.repositories[name][line["value"]["path"]] = content
        address = f"{self.hub.address}/{name}/commit/0123456789abcdef"
        self._answer(200, {"success": True, "commitUrl": address, "commitOid": "0" * 40, "hookOutput": ""})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _placed(file: dict[str, Any]) -> dict[str, Any]:
    """Take every file with the commit itself; the real hub takes large ones from its own store."""
    return {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
