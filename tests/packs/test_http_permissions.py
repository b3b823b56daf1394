"""The http pack for a program that its host does not trust: redirects, resolvers and other addresses lead nowhere."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpcore
import pytest
import trio

from cflow.compiler.permissions import Permissions, under
from cflow.stdlib_nodes import _client, http


class Handler(BaseHTTPRequestHandler):
    """``/to?ADDRESS`` leads elsewhere; all else is "fine"."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, goal = self.path.partition("?")
        body = b"" if path == "/to" else b"fine"
        self.send_response(302 if path == "/to" else 200)
        if path == "/to":
            self.send_header("location", goal)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, list[list[str]]]], list[str]]:
    """Names to what each further question is answered with (the last answer again and again); gives the questions."""
    asked: list[str] = []

    def install(answers: dict[str, list[list[str]]]) -> list[str]:
        real = socket.getaddrinfo

        def getaddrinfo(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name not in answers:
                return real(host, port, *rest, **more)
            asked.append(name)
            found = answers[name].pop(0) if len(answers[name]) > 1 else answers[name][0]
            return [
                (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in found
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return install


def get(url: str, *grants: str) -> http.Response:
    async def main() -> http.Response:
        with under(Permissions.of(grants)):
            return await http.get.fn(url)

    return trio.run(main)


def test_a_host_that_was_granted(port: int) -> None:
    assert get(f"http://127.0.0.1:{port}/", f"net:127.0.0.1:{port}").text == "fine"
    assert get(f"http://localhost:{port}/", "net:localhost").text == "fine"


REFUSED = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://127.1:{port}/",
    "http://0:{port}/",
    "http://api.example.com@127.0.0.1:{port}/",
]


@pytest.mark.parametrize("url", REFUSED)
def test_this_machine_by_any_name(port: int, url: str) -> None:
    with pytest.raises(PermissionError, match="not allowed to reach"):
        get(url.format(port=port), "net:*")
    with pytest.raises(PermissionError, match="not allowed to reach"):
        get(url.format(port=port), "net:api.example.com")


def test_nothing_is_granted_by_default(port: int) -> None:
    with pytest.raises(PermissionError, match=r"\(it was given nothing\)"):
        get(f"http://127.0.0.1:{port}/")


def test_a_redirect_leads_to_what_was_granted(port: int) -> None:
    assert get(f"http://127.0.0.1:{port}/to?http://localhost:{port}/", "net:localhost").text == "fine"


@pytest.mark.parametrize(
    "goal", ["http://10.0.0.1/", "http://169.254.169.254/latest", "http://other.test/", "//other.test/"]
)
def test_a_redirect_to_elsewhere(port: int, goal: str) -> None:
    with pytest.raises(PermissionError, match="not allowed to reach"):
        get(f"http://127.0.0.1:{port}/to?{goal}", f"net:127.0.0.1:{port}")


def test_a_redirect_to_another_port_of_the_same_host(port: int) -> None:
    with pytest.raises(PermissionError, match=r"to reach 127\.0\.0\.1:80 "):
        get(f"http://127.0.0.1:{port}/to?http://127.0.0.1/", f"net:127.0.0.1:{port}")


NO_HTTP = [
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "http://0177.0.0.1:{port}/",
    "http://127.0.0.1:{port}/to?file:///etc/passwd",
]


@pytest.mark.parametrize("url", NO_HTTP)
def test_addresses_that_are_no_http(port: int, url: str) -> None:
    with pytest.raises(ValueError, match="not an http or https address"):
        get(url.format(port=port), "net:*", "net:localhost")


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "10.0.0.7", "169.254.169.254", "::1"])
def test_a_name_that_resolves_to_a_private_address(port: int, resolver: Any, address: str) -> None:
    resolver({"api.example.com": [[address]]})
    with pytest.raises(PermissionError, match=r"to reach api\.example\.com:.* at the address it has"):
        get(f"http://api.example.com:{port}/", "net:api.example.com")


def test_a_private_address_that_was_granted_too(port: int, resolver: Any) -> None:
    resolver({"intranet.test": [["10.255.255.1", "127.0.0.1"]]})
    assert get(f"http://intranet.test:{port}/", "net:intranet.test", "net:127.0.0.0/8").text == "fine"


def test_a_resolver_that_answers_otherwise_the_second_time(
    resolver: Any, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    """What was looked at is what is connected to; the second answer is never asked for."""
    asked = resolver({"api.example.com": [["93.184.216.34"], ["127.0.0.1"]]})
    connected: list[str] = []

    async def connect_tcp(self: object, host: str, *_: object) -> Any:
        connected.append(host)
        raise httpcore.ConnectError("nobody there")

    monkeypatch.setattr(httpcore.TrioBackend, "connect_tcp", connect_tcp)
    with pytest.raises(http.HttpError, match="nobody there"):
        get(f"http://api.example.com:{port}/", "net:api.example.com")
    assert connected == ["93.184.216.34"]
    assert asked == ["api.example.com"]


def test_the_next_address_is_tried(port: int, resolver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver({"intranet.test": [["127.0.0.2", "127.0.0.1"]]})
    real = httpcore.TrioBackend.connect_tcp

    async def connect_tcp(self: Any, host: str, *rest: Any) -> Any:
        if host == "127.0.0.2":
            raise httpcore.ConnectTimeout("slow")
        return await real(self, host, *rest)

    monkeypatch.setattr(httpcore.TrioBackend, "connect_tcp", connect_tcp)
    assert get(f"http://intranet.test:{port}/", "net:intranet.test", "net:127.0.0.0/8").text == "fine"


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(http.HttpError, match="Name or service not known"):
        get("http://nowhere.test/", "net:*")


def test_connections_of_others_are_not_used(port: int, resolver: Any) -> None:
    """A trusted request has opened a connection to that very name: the other program may not ride on it."""
    resolver({"intranet.test": [["127.0.0.1"]]})

    async def main() -> None:
        url = f"http://intranet.test:{port}/"
        assert (await http.get.fn(url)).text == "fine"
        with under(Permissions.of(["net:intranet.test"])):
            with pytest.raises(PermissionError):
                await http.get.fn(url)
        with under(Permissions.of(["net:intranet.test", "net:localhost"])):
            assert (await http.get.fn(url)).text == "fine"
        with under(Permissions.of(["net:intranet.test"])):
            with pytest.raises(PermissionError):
                await http.get.fn(url)

    trio.run(main)


def test_a_host_of_many_programs_keeps_the_clients_of_few(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_client, "_PROGRAMS", 2)

    async def main() -> None:
        made = []
        for i in range(5):
            given = Permissions.of(["net:localhost", f"env:E{i}"])
            with under(given):
                assert (await http.get.fn(f"http://127.0.0.1:{port}/")).text == "fine"
            made += _client._all_here.get()[given, ""].clients
            assert len(_client._all_here.get()) <= 3
        assert [one.is_closed for one in made] == [True, True, True, True, False]
        with under(Permissions.of(["net:localhost", "env:E0"])):
            assert (await http.get.fn(f"http://127.0.0.1:{port}/")).text == "fine"

    trio.run(main)


def test_no_proxy_of_the_environment_is_used(port: int, resolver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would resolve the name itself."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    resolver({"inside.example.com": [["10.0.0.1"]]})
    with pytest.raises(PermissionError, match="at the address it has"):
        get("http://inside.example.com/", "net:*")


def test_a_download_goes_to_a_folder_that_was_granted(port: int, tmp_path: Path) -> None:
    async def main(path: Path) -> Path:
        with under(Permissions.of(["net:localhost", f"files:{tmp_path / 'in'}"])):
            return await http.download.fn(f"http://127.0.0.1:{port}/", path)

    assert trio.run(main, tmp_path / "in/a.txt").read_text() == "fine"
    with pytest.raises(PermissionError, match="to reach the file"):
        trio.run(main, tmp_path / "out.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["in"]
