"""A web server on loopback that does what a test says, and remembers what it was asked."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen


@frozen
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Site(ThreadingHTTPServer):
    """``routes``: by "GET /path", an answer (JSON, text, bytes, a status) or a function of the request that gives one.
    ``seen``: all requests, in the order in which they came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.routes: dict[str, Any] = {}
        self.seen: list[Request] = []

    def asked(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.seen]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers, body)
        self.server.seen.append(request)
        found = self.server.routes.get(f"{self.command} {parts.path}", 404)
        answer = found(request) if callable(found) else found
        content = answer if isinstance(answer, bytes) else answer.encode() if isinstance(answer, str) else b""
        if not isinstance(answer, (bytes, str, int)):
            content = json.dumps(answer).encode()
        self.send_response(answer if isinstance(answer, int) else 200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None: ...
