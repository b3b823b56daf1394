"""The http pack against a real server on loopback."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio

from cflow.stdlib_nodes import http

T = TypeVar("T")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    connections = 0
    open = 0
    most = 0
    lock = threading.Lock()
    release = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1
            self.server.open += 1
            self.server.most = max(self.server.most, self.server.open)

    def finish(self) -> None:
        with self.server.lock:
            self.server.open -= 1
        super().finish()

    def answer(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        match path:
            case "/latin":
                self.answer(200, "grün".encode("latin-1"), "text/plain; charset=ISO-8859-1")
            case "/odd-charset":
                self.answer(200, b"ok", "text/plain; charset=no-such")
            case "/missing":
                self.answer(404, b"no such\n  page", "text/plain")
            case "/cookie":
                self.answer(200, b"{}", **{"set-cookie": "session=1; Path=/"})
            case "/moved":
                self.answer(302, b"", location="/echo?moved=1")
            case "/loop":
                self.answer(302, b"", location="/loop")
            case "/cut":
                self.close_connection = True
            case "/half":
                self.send_response(200)
                self.send_header("content-length", "1000")
                self.end_headers()
                self.wfile.write(b"half")
                self.close_connection = True
            case "/slow":
                self.server.release.wait(30)
                self.close_connection = True
            case "/big":
                self.answer(200, b"0123456789" * 300_000, "application/octet-stream")
            case _:
                seen = {"method": self.command, "path": self.path, "body": body.decode(), "headers": dict(self.headers)}
                self.answer(200, json.dumps(seen).encode())

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.release = threading.Event()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.release.set()
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def base(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def run(call: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        with trio.fail_after(20):
            return await call()

    return trio.run(main)


def test_get(base: str) -> None:
    answer = run(lambda: http.get.fn(f"{base}/echo", params={"a": "b c"}, headers={"x-token": "t"}))
    assert (answer.status, answer.ok) == (200, True)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["path"] == "/echo?a=b+c"
    assert answer.json["headers"]["x-token"] == "t"
    assert answer.url.endswith("/echo?a=b+c")
    assert run(lambda: http.get_json.fn(f"{base}/echo"))["headers"]["accept"] == "application/json"


@pytest.mark.parametrize("verb", ["post", "put", "patch"])
def test_sending(base: str, verb: str) -> None:
    node = getattr(http, verb)
    seen = run(lambda: node.fn(f"{base}/x", json={"day": dt.date(2026, 3, 1)})).json
    assert (seen["method"], seen["body"]) == (verb.upper(), '{"day": "2026-03-01"}')
    assert seen["headers"]["content-type"] == "application/json"
    assert run(lambda: node.fn(f"{base}/x", form={"a": "1 2"})).json["body"] == "a=1+2"
    assert run(lambda: node.fn(f"{base}/x", content="plain")).json["body"] == "plain"
    assert run(lambda: node.fn(f"{base}/x")).json["body"] == ""
    with pytest.raises(ValueError, match="one of json, form and content"):
        run(lambda: node.fn(f"{base}/x", json=1, content="x"))


def test_the_other_verbs(base: str) -> None:
    assert run(lambda: http.delete.fn(f"{base}/x")).json["method"] == "DELETE"
    assert run(lambda: http.request.fn("options", f"{base}/x")).json["method"] == "OPTIONS"
    head = run(lambda: http.head.fn(f"{base}/big"))
    assert (head.headers["content-length"], head.body) == ("3000000", b"")


def test_text_and_json_of_an_answer(base: str) -> None:
    assert run(lambda: http.get.fn(f"{base}/latin")).text == "grün"
    odd = run(lambda: http.get.fn(f"{base}/odd-charset"))
    assert odd.text == "ok"
    with pytest.raises(ValueError, match=r"the answer of http://127.*/odd-charset is not JSON"):
        odd.json
    with pytest.raises(ValueError, match="is not JSON"):
        run(lambda: http.get_json.fn(f"{base}/latin"))


def test_a_bad_status_raises(base: str) -> None:
    with pytest.raises(
        http.HttpError, match=r"GET http://127.*/missing answered 404 Not Found: no such page"
    ) as caught:
        run(lambda: http.get.fn(f"{base}/missing"))
    error = caught.value
    assert (error.status, error.url, error.body) == (404, f"{base}/missing", "no such\n  page")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.status, again.body) == (str(error), 404, error.body)
    assert run(lambda: http.get.fn(f"{base}/missing", check=False)).status == 404


def test_redirects(base: str) -> None:
    assert run(lambda: http.get.fn(f"{base}/moved")).json["path"] == "/echo?moved=1"
    with pytest.raises(http.HttpError, match="redirects"):
        run(lambda: http.get.fn(f"{base}/loop"))


@pytest.mark.parametrize("path", ["/cut", "/half"])
def test_a_cut_connection(base: str, path: str) -> None:
    with pytest.raises(http.HttpError, match=f"GET {base}{path}: .") as caught:
        run(lambda: http.get.fn(base + path))
    assert caught.value.status is None


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(http.HttpError, match=f"127.0.0.1:{port}"):
        run(lambda: http.get.fn(f"http://name:secret-word@127.0.0.1:{port}/"))


@pytest.mark.parametrize("url", ["nonsense", "ftp://example.test/", "http://", "http://[::1", ""])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="not an http or https address"):
        run(lambda: http.get.fn(url))


def test_a_password_in_the_address_is_not_shown(base: str) -> None:
    address = base.replace("http://", "http://name:secret-word@")
    with pytest.raises(http.HttpError) as caught:
        run(lambda: http.get.fn(f"{address}/missing"))
    assert "secret-word" not in f"{caught.value} {caught.value.url}"
    assert "secret-word" not in run(lambda: http.get.fn(f"{address}/echo")).url


def test_a_call_can_be_cut(base: str) -> None:
    async def main() -> None:
        with trio.move_on_after(0.05) as scope:
            await http.get.fn(f"{base}/slow")
        assert scope.cancelled_caught
        assert (await http.get.fn(f"{base}/echo")).ok

    run(main)


def test_calls_of_a_loop_share_connections(base: str, server: Server) -> None:
    async def main() -> None:
        for _ in range(20):
            await http.get.fn(f"{base}/echo")

    run(main)
    assert server.connections == 1
    run(main)  # another loop has a client of its own
    assert server.connections == 2


def test_many_at_once(base: str, server: Server) -> None:
    async def main() -> int:
        done = 0

        async def one(i: int) -> None:
            nonlocal done
            assert (await http.get.fn(f"{base}/echo", params={"i": i})).json["path"] == f"/echo?i={i}"
            assert (await http.get.fn(f"{base}/echo?a=1", params={"i": i})).json["path"] == f"/echo?a=1&i={i}"
            assert (await http.get.fn(f"{base}/echo?a=1", params={})).json["path"] == "/echo?a=1"
            done += 1

        async with trio.open_nursery() as nursery:
            for i in range(250):
                nursery.start_soon(one, i)
        return done

    assert run(main) == 250
    # The server may hear late of a connection that was closed, before it hears of the next.
    assert server.most <= 110


def test_no_cookie_is_kept(base: str) -> None:
    async def main() -> dict[str, str]:
        await http.get.fn(f"{base}/cookie")
        headers: dict[str, str] = (await http.get.fn(f"{base}/echo")).json["headers"]
        return headers

    assert "cookie" not in run(main)
    assert run(lambda: http.get.fn(f"{base}/echo", headers={"cookie": "a=1"})).json["headers"]["cookie"] == "a=1"


def test_nothing_is_left_of_the_client(base: str) -> None:
    async def main() -> None:
        await http.get.fn(f"{base}/echo")

    before = threading.active_count()
    run(main)  # an open socket would be a ResourceWarning, which is an error here
    assert threading.active_count() <= before + 1  # the server's own for this connection


def test_download(base: str, tmp_path: Path) -> None:
    path = run(lambda: http.download.fn(f"{base}/big", tmp_path / "new" / "big.bin"))
    assert path.read_bytes() == b"0123456789" * 300_000
    assert run(lambda: http.download.fn(f"{base}/echo", path)).stat().st_size < 1000


@pytest.mark.parametrize("where", ["/missing", "/half"])
def test_a_failed_download_leaves_the_old_file(base: str, tmp_path: Path, where: str) -> None:
    path = tmp_path / "old.txt"
    path.write_text("old")
    with pytest.raises(http.HttpError):
        run(lambda: http.download.fn(base + where, path))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_cancelled_download_leaves_nothing(base: str, tmp_path: Path) -> None:
    async def main() -> None:
        with trio.move_on_after(0.05):
            await http.download.fn(f"{base}/slow", tmp_path / "x")

    run(main)
    assert list(tmp_path.iterdir()) == []


def test_a_download_to_a_place_that_is_none(base: str, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        run(lambda: http.download.fn(f"{base}/echo", tmp_path))
