"""How calls over HTTP are made: sign-in, cookies, proxies, limits, being asked to wait; what is sent from files."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio
import trio.testing
from hypothesis import given, settings, strategies as st
from webserver import Asked, Said, Web

import cflow
from cflow.compiler.permissions import Permissions, under
from cflow.stdlib_nodes import _bodies, _calls, http
from cflow.stdlib_nodes._limits import _LIMITS, Kind, retry_after, turn

T = TypeVar("T")


def run(call: Callable[[], Awaitable[T]], *grants: str) -> T:
    async def main() -> T:
        with trio.fail_after(20), under(Permissions.of(grants) if grants else Permissions()):
            return await call()

    return trio.run(main)


def echo(asked: Asked) -> Said:
    return Said(json.dumps({"headers": asked.headers, "method": asked.method, "body": len(asked.body)}))


def moved(to: str, status: int = 307) -> Callable[[Asked], Said]:
    return lambda _: Said("", status, {"location": to})


# ---- who one is ----------------------------------------------------------------------------------


def test_sign_in(web: Web) -> None:
    web.on["/"] = echo

    def sent(client: http.Client) -> dict[str, str]:
        headers: dict[str, str] = run(lambda: http.get_json.fn(web.url, client=client))["headers"]
        return headers

    basic = sent(http.Client(auth=("ada", "pässword")))["authorization"]
    assert base64.b64decode(basic.removeprefix("Basic ")).decode() == "ada:pässword"
    assert sent(http.Client(auth="token-7"))["authorization"] == "Bearer token-7"
    assert sent(http.Client(headers={"X-Key": "k"}))["x-key"] == "k"
    over = run(lambda: http.get_json.fn(web.url, headers={"x-key": "own"}, client=http.Client(headers={"X-Key": "k"})))
    assert over["headers"]["x-key"] == "own"
    with pytest.raises(ValueError, match="wants a name and a password"):
        http.Client(auth="token", digest=True)
    assert "secret" not in repr(http.Client(auth="secret", headers={"k": "secret"}, proxy="http://a:secret@b"))


def test_a_digest_proves_the_password_and_sends_the_body_again(web: Web, tmp_path: Path) -> None:
    challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'

    def guarded(asked: Asked) -> Said:
        told = asked.headers.get("authorization", "")
        return Said(asked.body) if told.startswith("Digest ") else Said("", 401, {"www-authenticate": challenge})

    web.on["/"] = guarded
    path = tmp_path / "a"
    path.write_bytes(b"x" * 300_000)
    client = http.Client(auth=("ada", "secret"), digest=True)
    assert run(lambda: http.upload.fn(web.url, path, client=client)).body == path.read_bytes()
    assert 'username="ada"' in web.asked[-1].headers["authorization"]
    assert "secret" not in str(web.asked)


def test_who_one_is_stays_with_the_host(web: Web) -> None:
    """A redirect to another host gets neither password nor token nor cookie."""
    web.on["/"] = echo
    web.on["/away"] = moved(web.url.replace("127.0.0.1", "localhost"))
    web.on["/here"] = moved(web.url)
    cookie = http.Cookie(name="a", value="1", domain="127.0.0.1")
    for auth in ("token", ("ada", "secret")):
        client = http.Client(auth=auth, cookies=[cookie])
        seen = run(lambda: http.get_json.fn(f"{web.url}/away", client=client))["headers"]
        assert not {"authorization", "cookie"} & seen.keys()
        seen = run(lambda: http.get_json.fn(f"{web.url}/here", client=client))["headers"]
        assert {"authorization", "cookie"} <= seen.keys()


def test_cookies_are_carried_as_values(web: Web) -> None:
    web.on["/login"] = lambda _: Said(
        "", 303, {"location": "/home", "set-cookie": ["sid=7; Path=/", "deep=1; Path=/deep", "tls=1; Path=/; Secure"]}
    )
    web.on["/home"] = web.on["/deep/page"] = echo
    web.on["/other"] = lambda _: Said("", 200, {"set-cookie": "evil=1; Domain=example.com"})
    web.on["/bye"] = lambda _: Said("", 200, {"set-cookie": "sid=; Path=/; Max-Age=0"})
    module = cflow.loads(
        """
import http

flow main(url: str) -> list[str]:
    login = http.post(f"{url}/login", form={"name": "ada"})
    client = http.Client(cookies=login.cookies)
    deep = http.get(f"{url}/deep/page", client=client).json["headers"]["cookie"]
    plain = http.get(f"{url}/home").json["headers"]
    bye = http.get(f"{url}/bye", client=client)
    names = [c.name for c in bye.cookies]
    return [login.json["headers"]["cookie"], deep, str("cookie" in plain), ",".join(sorted(names))]
"""
    )
    assert module.main.run(web.url) == ["sid=7", "deep=1; sid=7", "False", "deep,tls"]
    assert run(lambda: http.get.fn(f"{web.url}/other")).cookies == []
    wide = http.Client(cookies=[http.Cookie(name="w", value="1", domain=".example.com", expires=time.time() + 100)])
    assert "cookie" not in run(lambda: http.get_json.fn(f"{web.url}/home", client=wide))["headers"]


# ---- proxies -------------------------------------------------------------------------------------


def test_a_proxy(web: Web) -> None:
    web.on["proxied http://api.example.test/items"] = echo
    address = web.url.replace("http://", "http://ada:secret@")
    seen = run(lambda: http.get_json.fn("http://api.example.test/items", client=http.Client(proxy=address)))
    assert base64.b64decode(seen["headers"]["proxy-authorization"].removeprefix("Basic ")) == b"ada:secret"
    for wrong in ("socks4://h:1", "nonsense", "http://", "http://[::1", "ftp://ada:secret@h"):
        with pytest.raises(ValueError, match="the address of a proxy is http") as caught:
            run(lambda: http.get.fn("http://api.example.test/", client=http.Client(proxy=wrong)))
        assert "secret" not in str(caught.value)


def test_a_proxy_for_programs_that_are_not_trusted(web: Web) -> None:
    """The proxy has to be granted, and the host by its full name: where that leads, only the proxy knows."""
    web.on["proxied http://api.example.test/items"] = lambda _: Said("fine")
    web.on["proxied http://api.example.test/away"] = moved("http://other.test/")
    proxy = web.url.removeprefix("http://")

    def get(path: str, *grants: str) -> str:
        client = http.Client(proxy=web.url)
        return run(lambda: http.get.fn(f"http://api.example.test{path}", client=client), *grants).text

    assert get("/items", f"net:{proxy}", "net:api.example.test") == "fine"
    refused = [
        ("/items", ["net:api.example.test"]),  # not the proxy
        ("/items", [f"net:{proxy}"]),  # not the host
        ("/items", [f"net:{proxy}", "net:*"]),  # a pattern: the name may lead anywhere behind the proxy
        ("/items", [f"net:{proxy}", "net:*.example.test"]),
        ("/away", [f"net:{proxy}", "net:api.example.test"]),  # a redirect
    ]
    web.asked.clear()
    for path, grants in refused:
        with pytest.raises(PermissionError, match="not allowed to reach"):
            get(path, *grants)
    assert [asked.path for asked in web.asked] == ["proxied http://api.example.test/away"]


# ---- bodies from files and streams ---------------------------------------------------------------


def form_parts(asked: Asked) -> list[tuple[str, str | None, bytes]]:
    """Name, file name and content of each part of a form, as Python's own parser reads it."""
    head = f"content-type: {asked.headers['content-type']}\r\n\r\n".encode()
    message: Any = BytesParser(_class=EmailMessage, policy=HTTP).parsebytes(head + asked.body)
    return [
        (part.get_param("name", header="content-disposition"), part.get_filename(), part.get_payload(decode=True))
        for part in message.iter_parts()
    ]


def test_a_form_with_files(web: Web, tmp_path: Path) -> None:
    web.on["/"] = web.on["/again"] = echo
    web.on["/moved"] = moved("/again", 308)
    big, small = tmp_path / "big.bin", tmp_path / 'qu"ote.txt'
    big.write_bytes(bytes(range(256)) * 4000)
    small.write_text("hi")
    files: dict[str, Any] = {"photo": big, "more": [str(small), small]}
    for path in ("/", "/moved"):
        run(lambda: http.post_files.fn(f"{web.url}{path}", files, {"title": "A cat", "n": 2}))
        asked = web.asked[-1]
        assert asked.headers["content-length"] == str(len(asked.body))  # known before it is sent, so not in pieces
        assert form_parts(asked) == [
            ("title", None, b"A cat"),
            ("n", None, b"2"),
            ("photo", "big.bin", big.read_bytes()),
            ("more", "qu%22ote.txt", b"hi"),
            ("more", "qu%22ote.txt", b"hi"),
        ]
    with pytest.raises(FileNotFoundError, match=r"missing\.bin"):
        run(lambda: http.post_files.fn(web.url, {"a": big, "b": tmp_path / "missing.bin"}))
    with pytest.raises(http.HttpError, match="404"):
        run(lambda: http.post_files.fn(f"{web.url}/missing", {"a": small}))


def test_files_and_streams_as_bodies(web: Web, tmp_path: Path) -> None:
    web.on["/"] = lambda asked: Said(asked.body)
    web.on["/moved"] = moved("/")
    web.on["/seen"] = moved("/", 303)
    path = tmp_path / "a.txt"
    path.write_bytes(b"0123456789" * 100_000)
    sent = run(lambda: http.upload.fn(f"{web.url}/moved", path, headers={"content-type": "text/plain"}))
    assert sent.body == path.read_bytes()
    assert web.asked[-1].headers["content-length"] == "1000000"
    assert (web.asked[-1].method, web.asked[-1].headers["content-type"]) == ("PUT", "text/plain")
    path.write_text("one\n\ntwo\n")
    module = cflow.loads(
        """
import files, http

flow main(url: str, path: str) -> str:
    return http.upload(url, files.lines(path), method="post").text
"""
    )
    assert module.main.run(web.url, str(path)) == "onetwo"
    assert (web.asked[-1].method, web.asked[-1].headers["transfer-encoding"]) == ("POST", "chunked")
    assert module.main.run(f"{web.url}/seen", str(path)) == ""  # a redirect that only looks
    with pytest.raises(http.HttpError, match="a stream can be sent only once"):
        module.main.run(f"{web.url}/moved", str(path))


def test_a_file_is_never_in_memory_whole(tmp_path: Path) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(20_000_000)

    async def sizes() -> list[list[int]]:
        found = []
        for body in (_bodies.one_file(path), _bodies.form({"a": path, "b": [path]}, {"c": "d"})):
            async with body as (blocks, headers):
                found.append([len(block) async for block in blocks])
                assert sum(found[-1]) == int(headers["content-length"])
        return found

    for one in run(sizes):
        assert max(one) < 500_000


def test_how_far_a_long_call_is(web: Web, tmp_path: Path) -> None:
    web.on["/"] = lambda asked: Said(b"x" * 3_000_000)
    (tmp_path / "a").write_bytes(b"x" * 600_000)
    module = cflow.loads(
        """
import http

flow down(url: str, folder: str) -> Any:
    return http.download(url, f"{folder}/b")

flow up(url: str, folder: str) -> Any:
    return http.upload(url, f"{folder}/a")

flow form(url: str, folder: str) -> Any:
    return http.post_files(url, {"f": f"{folder}/a"})
"""
    )
    for flow in (module.down, module.up, module.form):
        events: list[Any] = []
        cflow.Engine(sinks=[events.append]).run(flow, web.url, str(tmp_path))
        far = [event.progress for event in events if event.what == "progress"]
        assert far[-1][0] == far[-1][1] >= 600_000
        assert all(0 < done <= total for done, total in far)


def test_an_upload_that_fails_half_way(web: Web, tmp_path: Path) -> None:
    """The source's own error leaves; nothing is left open, which would be a warning, and so an error."""
    web.on["/"] = echo

    async def items() -> AsyncIterator[bytes]:
        yield b"x"
        raise ZeroDivisionError

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000
            await trio.sleep(0)

    with pytest.raises(ZeroDivisionError):
        run(lambda: http.upload.fn(web.url, items()))

    async def main() -> None:
        source = endless()
        with trio.move_on_after(0.05) as scope:
            await http.upload.fn(web.url, source)
        assert scope.cancelled_caught
        await source.aclose()
        assert (await http.get.fn(web.url)).ok

    run(main)


def test_an_upload_is_led_nowhere_else(web: Web, tmp_path: Path) -> None:
    """Nothing of a file reaches a host that was not granted, and no file that was not granted is read."""
    (tmp_path / "in").mkdir()
    for name in ("in/a.txt", "secret.txt"):
        (tmp_path / name).write_text("content")
    away = web.url.replace("127.0.0.1", "localhost")
    web.on["/"] = echo
    grants = (f"net:127.0.0.1:{web.server_port}", f"files:{tmp_path / 'in'}")
    for goal in (away, "http://10.0.0.1/", "http://169.254.169.254/latest"):
        web.on["/moved"] = moved(goal)
        for send in (
            lambda: http.upload.fn(f"{web.url}/moved", tmp_path / "in/a.txt"),
            lambda: http.post_files.fn(f"{web.url}/moved", {"f": tmp_path / "in/a.txt"}),
        ):
            with pytest.raises(PermissionError, match="not allowed to reach"):
                run(send, *grants)
    assert {asked.path for asked in web.asked} == {"/moved"}
    web.asked.clear()
    (tmp_path / "in/link").symlink_to("../secret.txt")
    for path in (tmp_path / "secret.txt", tmp_path / "in/link", tmp_path / "in/../secret.txt"):
        for send in (lambda: http.upload.fn(web.url, path), lambda: http.post_files.fn(web.url, {"f": [path]})):
            with pytest.raises(PermissionError, match="to reach the file"):
                run(send, *grants)
    assert web.asked == []


# ---- answers that are too much -------------------------------------------------------------------


def test_an_answer_is_taken_up_to_a_bound(web: Web, tmp_path: Path) -> None:
    packed = gzip.compress(b"0" * 5_000_000)
    assert len(packed) < 10_000
    web.on["/bomb"] = lambda _: Said(packed, 200, {"content-encoding": "gzip"})
    web.on["/failed"] = lambda _: Said(packed, 500, {"content-encoding": "gzip"})
    small = http.Client(max_body=1_000_000)
    for path in ("/bomb", "/failed"):
        with pytest.raises(http.HttpError, match=r"is over 1000000 bytes \(max_body=\)"):
            run(lambda: http.get.fn(f"{web.url}{path}", client=small))
    assert len(run(lambda: http.get.fn(f"{web.url}/bomb")).body) == 5_000_000
    with pytest.raises(http.HttpError, match=r"is over 1000000 bytes \(max_size=\)"):
        run(lambda: http.download.fn(f"{web.url}/bomb", tmp_path / "a", max_size=1_000_000))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("coding", ["gzip, gzip", "zstd", "br", "identity,GZIP ,deflate"])
def test_packings_that_nobody_can_bound_are_refused(web: Web, coding: str) -> None:
    web.on["/"] = lambda _: Said(b"x", 200, {"content-encoding": coding})
    with pytest.raises(http.HttpError, match="packed in a way that was not asked for"):
        run(lambda: http.get.fn(web.url))
    assert web.asked[0].headers["accept-encoding"] == "gzip, deflate"


# ---- being asked to wait -------------------------------------------------------------------------


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that calls make, which here take no time."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(_calls.trio, "sleep", sleep)
    return pauses


def busy(times: int, after: str, status: int = 503) -> Callable[[Asked], Said]:
    left = [times]

    def said(_: Asked) -> Said:
        left[0] -= 1
        return Said("busy", status, {"retry-after": after}) if left[0] >= 0 else Said('"done"')

    return said


def test_a_server_is_left_alone_as_long_as_it_asks(web: Web, slept: list[float], tmp_path: Path) -> None:
    web.on["/"] = busy(2, "3", 429)
    assert run(lambda: http.get_json.fn(web.url)) == "done"
    assert slept == [3.0, 3.0]
    slept.clear()
    web.on["/"] = busy(1, format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=15), usegmt=True))
    assert run(lambda: http.download.fn(web.url, tmp_path / "a")).read_text() == '"done"'
    assert 10 < slept[0] <= 15


@pytest.mark.parametrize("after", ["31", "999999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "soon", ""])
def test_what_is_too_long_or_no_time_is_an_error_at_once(web: Web, slept: list[float], after: str) -> None:
    web.on["/"] = busy(1, after)
    with pytest.raises(http.HttpError, match="503"):
        run(lambda: http.get.fn(web.url))
    assert (slept, len(web.asked)) == ([], 1)


def test_when_a_call_is_not_repeated(web: Web, slept: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: http.post.fn(web.url, json=1),  # what changes something may have done so
        lambda: http.delete.fn(web.url),
        lambda: http.get.fn(web.url, client=http.Client(wait=0)),
    ]
    for call in calls:
        web.on["/"] = busy(1, "1")
        with pytest.raises(http.HttpError, match="503"):
            run(call)
    web.on["/"] = busy(1, "1")
    assert run(lambda: http.get.fn(web.url, check=False)).status == 503
    web.on["/"] = busy(1, "25")  # the caller has 20 seconds
    with pytest.raises(http.HttpError, match="503"):
        run(lambda: http.get.fn(web.url))
    assert slept == []
    web.on["/"] = busy(100, "0")
    web.asked.clear()
    with pytest.raises(http.HttpError, match="503"):
        run(lambda: http.get.fn(web.url))
    assert len(web.asked) == 5  # and then it is enough


DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
FORMS = [
    ("0", 0.0), (" 120 ", 120.0), ("-1", None), ("1.5", None), ("١", None), ("", None), ("soon", None),
    ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0), ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
    ("Sun Nov  6 08:50:37 1994", 60.0),
    ("Sun, 06 Nov 1994 08:00:00 GMT", 0.0), ("Sun, 99 Nov 1994 08:00:00 GMT", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "seconds"), FORMS)
def test_forms_of_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after(text, DATE) == seconds


WORDS = st.lists(st.sampled_from([*"0 9 -1 : , ; GMT Sun Nov 99999 +9999 -0000 Z 1994 08:49:37 é".split(), " "]))


@settings(max_examples=100)
@given(WORDS.map(" ".join) | st.text(max_size=20), st.just(DATE) | st.text(max_size=20))
def test_no_text_is_too_much_for_retry_after(text: str, date: str) -> None:
    found = retry_after(text, date)
    assert found is None or found >= 0


# ---- limits of a host ----------------------------------------------------------------------------


def test_calls_at_once_and_calls_a_second() -> None:
    """On Trio's own clock: calls of a run to a host share their limit, others do not wait."""
    starts: dict[Kind, list[float]] = {}
    most: dict[Kind, int] = {}

    async def one(kind: Kind) -> None:
        async with turn(kind):
            starts.setdefault(kind, []).append(trio.current_time())
            at = trio.current_time()
            most[kind] = max(most.get(kind, 0), sum(start > at - 3 for start in starts[kind]))
            await trio.sleep(3)

    a, b = Kind("run-1", "h", 2, None), Kind("run-2", "h", 2, None)
    c, d = Kind("run-1", "h", None, 10.0), Kind("run-1", "other", None, 10.0)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(6):
                for kind in (a, b, c, d):
                    nursery.start_soon(one, kind)
        with trio.move_on_after(1):  # whoever is cut gives back the place
            await one(a)
        await one(a)
        await trio.sleep(10)
        async with turn(Kind("run-3", "h", 1, 1.0)):
            assert len(_LIMITS.get()) == 1  # what nobody waits for is forgotten

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert (most[a], most[b]) == (2, 2)
    began = starts[a][0]
    assert [round(t - began, 1) for t in starts[a][:6]] == [0, 0, 3, 3, 6, 6]
    assert [round(t - began, 1) for t in starts[b]] == [0, 0, 3, 3, 6, 6]
    assert [round(t - began, 1) for t in starts[c]] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert [round(t - began, 1) for t in starts[d]] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_a_run_shares_the_limits_of_a_host(web: Web) -> None:
    import threading

    lock, now, most = threading.Lock(), [0], [0]

    def said(_: Asked) -> Said:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        return Said("1")

    web.on["/"] = said
    module = cflow.loads(
        """
import http

flow main(url: str) -> int:
    client = http.Client(at_once=3, rate=500)
    found = for i in range(20) with parallel=20:
        yield http.get_json(url, client=client)
    return sum(found)
"""
    )
    assert module.main.run(web.url) == 20
    assert most[0] <= 3
    for wrong in ({"at_once": 0}, {"rate": 0.0}, {"rate": float("nan")}):
        with pytest.raises(ValueError, match="at_once is 1 or more"):
            http.Client(**wrong)  # type: ignore[arg-type]
