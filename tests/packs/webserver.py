"""An HTTP server on loopback whose answers a test writes as functions, and which keeps what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit


class Asked(NamedTuple):
    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Said(NamedTuple):
    """An answer. A header with several values is a list."""

    body: bytes | str = b""
    status: int = 200
    headers: dict[str, Any] = {}


class Web(ThreadingHTTPServer):
    """``web.on["/path"] = lambda asked: Said(...)``; ``web.asked`` holds the requests."""

    daemon_threads = True
    request_queue_size = 2048

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.on: dict[str, Callable[[Asked], Said]] = {}
        self.asked: list[Asked] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is none of ours."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Web

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.netloc:  # as a proxy is asked
            path = f"proxied {self.path}"
        else:
            path = parts.path
        params = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, path, params, headers, self.content())
        self.server.asked.append(asked)
        said = self.server.on.get(path, lambda _: Said("no such page", 404))(asked)
        body = said.body.encode() if isinstance(said.body, str) else said.body
        self.send_response(said.status)
        for name, value in ({"content-length": str(len(body))} | said.headers).items():
            for one in value if isinstance(value, list) else [value]:
                self.send_header(name, one)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def content(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def web() -> Iterator[Web]:
    server = Web()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
