"""Redis, through redis-py: texts by key, counters, lists, hashes, messages; any command.

The server is an address: ``redis://localhost:6379/0``, ``rediss://user:password@host`` with TLS. Keys and values are
text (UTF-8); numbers are written as text. The resource is ``redis``: reads overlap and wait for writes before them.
Nothing is repeated by itself: a command whose answer got lost may have been carried out. A call waits five seconds for
a connection and 30 for an answer.

A program that its host does not trust reaches the hosts that it was given, without TLS.
"""

from __future__ import annotations

import socket
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .. import node, permissions
from ._extras import needs
from ._reach import parted

if TYPE_CHECKING:
    import redis as library

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0

# What says something of the connection, not of the data: the connection is shared with later calls.
_OF_CONNECTIONS = frozenset(
    "ASKING AUTH DISCARD EXEC HELLO MONITOR MULTI PSUBSCRIBE PSYNC PUNSUBSCRIBE QUIT READONLY READWRITE REPLCONF RESET"
    " SELECT SSUBSCRIBE SUBSCRIBE SUNSUBSCRIBE SYNC UNSUBSCRIBE UNWATCH WATCH".split()
)
_OF_CLIENTS = frozenset("CACHING CAPA IMPORT-SOURCE NO-EVICT NO-TOUCH REPLY SETINFO SETNAME TRACKING".split())


@node(reads="redis")
def get(server: str, key: str) -> str | None:
    """The text under a key; None where there is none.

    ``token = redis.get("redis://localhost", "token")``

    Raises ConnectionError, TimeoutError, and ValueError for what Redis refuses.
    """
    found: str | None = _asked(server, "GET", key)
    return found


@node(writes="redis")
def set(server: str, key: str, value: str | int | float, seconds: float | None = None, new: bool = False) -> bool:
    """Put a text under a key; with ``seconds`` it is gone after that time. ``new``: only where there is none yet.

    ``first = redis.set("redis://localhost", "seen:7", "yes", seconds=3600, new=True)``

    Is it there now, by this call?
    """
    words: list[Any] = ["SET", key, value]
    if seconds is not None:
        words += ["PX", round(seconds * 1000)]
    if new:
        words.append("NX")
    return _asked(server, *words) is not None


@node(writes="redis")
def delete(server: str, keys: list[str]) -> int:
    """Delete keys; how many there were.

    ``redis.delete("redis://localhost", ["token", "seen:7"])``
    """
    return int(_asked(server, "DEL", *keys)) if keys else 0


@node(writes="redis")
def increment(server: str, key: str, by: int = 1) -> int:
    """Add to a counter, which begins at 0; its new value.

    ``number = redis.increment("redis://localhost", "orders")``
    """
    return int(_asked(server, "INCRBY", key, by))


@node(writes="redis")
def push(server: str, key: str, values: list[str]) -> int:
    """Add texts at the end of a list; how long it is then.

    ``redis.push("redis://localhost", "jobs", ["a", "b"])``
    """
    return int(_asked(server, "RPUSH", key, *values) if values else _asked(server, "LLEN", key))


@node(writes="redis")
def pop(server: str, key: str, count: int = 1) -> list[str]:
    """Take up to ``count`` texts from the beginning of a list.

    ``jobs = redis.pop("redis://localhost", "jobs", 10)``
    """
    return list(_asked(server, "LPOP", key, count) or [])


@node(reads="redis")
def fields(server: str, key: str) -> dict[str, str]:
    """The fields of a hash; none where there is no such key.

    ``user = redis.fields("redis://localhost", "user:7")``
    """
    found = _asked(server, "HGETALL", key)
    return dict(zip(found[::2], found[1::2], strict=True))


@node(writes="redis")
def set_fields(server: str, key: str, fields: dict[str, Any]) -> int:
    """Set fields of a hash, others stay; how many are new.

    ``redis.set_fields("redis://localhost", "user:7", {"name": "Ada", "age": 36})``
    """
    words = [word for pair in fields.items() for word in pair]
    return int(_asked(server, "HSET", key, *words)) if words else 0


@node(writes="redis")
def publish(server: str, channel: str, message: str) -> int:
    """Send a message to all who listen to a channel now; how many they are.

    ``redis.publish("redis://localhost", "orders", "7 paid")``
    """
    return int(_asked(server, "PUBLISH", channel, message))


@node(writes="redis")
def command(server: str, words: list[Any]) -> Any:
    """Any other command, word by word; its answer as texts, numbers and lists.

    ``members = redis.command("redis://localhost", ["SMEMBERS", "tags"])``

    What changes the connection (``SELECT``, ``MULTI``, ``SUBSCRIBE``...) is refused with a ValueError, as later calls
    have the same one: the number of the database is in the address, and several commands at once are an ``EVAL``.
    """
    # redis-py takes "CLIENT REPLY" in one for two words.
    first = [str(word.decode("ascii", "replace") if isinstance(word, bytes) else word) for word in words[:2]]
    given = " ".join(first).upper().split()
    if not given:
        msg = "a command has at least one word"
        raise ValueError(msg)
    if given[0] in _OF_CONNECTIONS or (given[0] == "CLIENT" and _OF_CLIENTS.intersection(given[1:2])):
        msg = f"{given[0]} changes the connection, which later calls have too: it is no single command"
        raise ValueError(msg)
    return _asked(server, *words)


def _asked(server: str, *words: Any) -> Any:
    client = _client(_address(server))
    with needs("redis"):
        import redis as library
    try:
        # The answer as it is in the protocol, before redis-py makes other values of it; and sent once.
        connection: Any = client.connection_pool.get_connection()
        try:
            connection.send_command(*words)
            return connection.read_response()
        except BaseException:
            connection.disconnect()  # an answer may still be on its way
            raise
        finally:
            client.connection_pool.release(connection)
    except UnicodeDecodeError as error:
        msg = f"{_shown(server)}: what {words[0]} gives is not UTF-8 text (byte {error.start})"
        raise ValueError(msg) from error
    except library.TimeoutError as error:
        msg = f"{_shown(server)}: no answer in time"
        raise TimeoutError(msg) from error
    except library.ConnectionError as error:
        msg = f"{_shown(server)}: {error}"
        raise ConnectionError(msg) from error
    except library.RedisError as error:
        msg = f"{_shown(server)} refuses {words[0]}: {error}"
        raise ValueError(msg) from error


@lru_cache(32)
def _client(url: str) -> library.Redis:
    with needs("redis"):
        import redis as library
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    return library.Redis.from_url(
        url,
        protocol=2,  # answers are texts, numbers and lists, whatever the server can
        decode_responses=True,
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_timeout=_ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def _address(server: str) -> str:
    """The address to connect to: of a program that is not trusted, the very one that was asked for."""
    given = permissions()
    parts = parted(server)
    if parts.scheme not in ("redis", "rediss", "unix"):
        msg = f"{_shown(server)} is no address of a Redis: redis://HOST:PORT/NUMBER"
        raise ValueError(msg)
    if given.trusted:
        return str(server)
    host, port = parts.hostname or "localhost", parts.port or 6379
    if parts.scheme != "redis" or parts.query:
        msg = "the program is not allowed to reach a Redis but by redis://HOST:PORT/NUMBER"
        raise PermissionError(msg)
    given.host(host, port)
    found = [str(at[4][0]) for at in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    address = given.addresses(host, port, found)[0]
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return f"redis://{user}{f'[{address}]' if ':' in address else address}:{port}{parts.path}"


def _shown(server: str) -> str:
    """The address without name and password."""
    parts = parted(server)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
