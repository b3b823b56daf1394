"""What the tests of packs share: servers, and how a parser may fail."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def as_deep_as_ever() -> Iterator[None]:
    """Python's own limit of recursion: a recursive flow raises it, to twice as much where coverage is measured, and
    then what nests without end would use up the C stack before it is noticed."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(min(limit, 10_000))
    yield
    sys.setrecursionlimit(max(limit, sys.getrecursionlimit()))


@pytest.fixture(scope="session")
def clear() -> Callable[..., None]:
    """Fuzzing: a call either goes well, or raises a ValueError whose text holds one of these words."""

    def check(call: Callable[[], Any], *words: str) -> None:
        problem = None
        try:
            call()
        except ValueError as error:
            problem = str(error)
        assert problem is None or any(word in problem for word in words), problem

    return check


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from services import postgres

    with postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def web_server() -> Iterator[Any]:
    from webserver import web

    with web() as server:
        yield server


@pytest.fixture
def web(web_server: Any) -> Any:
    """A server on loopback (``webserver.Web``) that knows no page yet."""
    web_server.on.clear()
    web_server.asked.clear()
    return web_server
