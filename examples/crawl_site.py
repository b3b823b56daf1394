"""The site that the crawl example visits: a catalogue behind a small web server on this machine.

It is not a good server: every third address fails at the first request (an answer of 503, or a cut connection),
always the same ones, and one item is gone for good.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from cflow import node

ITEMS = 60
PER_PAGE = 8
GONE = 33
MAKERS = ("Ashworth", "Bellini", "Castell", "Dietrich")

_open: dict[str, ThreadingHTTPServer] = {}


class _Site(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.asked: dict[str, int] = {}

    def turn(self, path: str) -> int:
        """How often this address was asked for before."""
        with self.lock:
            before = self.asked.get(path, 0)
            self.asked[path] = before + 1
            return before


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Site

    def do_GET(self) -> None:
        mark = sum(map(ord, self.path)) % 6
        if self.server.turn(self.path) == 0 and mark == 0:
            self.answer(503, {"error": "overloaded, come back later"})
        elif self.server.asked[self.path] == 1 and mark == 3:
            self.close_connection = True  # and no answer at all
        else:
            self.answer(*_page(self.path))

    def answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The flow keeps the log, not the server."""


def _page(path: str) -> tuple[int, object]:
    parts = urlsplit(path)
    if parts.path == "/items":
        page = int(parse_qs(parts.query).get("page", ["1"])[0])
        first, last = (page - 1) * PER_PAGE + 1, min(page * PER_PAGE, ITEMS)
        more = {"next": f"/items?page={page + 1}"} if last < ITEMS else {}
        return 200, {"items": list(range(first, last + 1)), **more}
    number = int(parts.path.rpartition("/")[2])
    if number == GONE or not 1 <= number <= ITEMS:
        return 404, {"error": f"there is no item {number}"}
    return 200, {
        "id": number,
        "name": f"Item {number}",
        "maker": MAKERS[number * 7 % len(MAKERS)],
        "price": round(5 + number * 37 % 91 + number / 100, 2),
    }


@node(writes="site")
def open_site() -> str:
    """Start the server; gives its address."""
    server = _Site()
    url = f"http://127.0.0.1:{server.server_port}"
    _open[url] = server
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name=url, daemon=True).start()
    return url


@node(writes="site")
def close_site(url: str) -> None:
    """Stop the server."""
    server = _open.pop(url)
    server.shutdown()
    server.server_close()
