"""What every area's tests share: the flag that asks for the long form of a test, a cache of their own, and a watch over
tests that hang.

No test says how long something may take: a busy machine would answer for it. What would never end (days that are really
slept, a program that doubles with each line) is ended here, with the traces of all threads.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long form of tests that have one (minutes)")
    parser.addoption("--seed", type=int, metavar="BASE", help="the first seed of generated programs: search elsewhere")


def pytest_configure(config: pytest.Config) -> None:
    # What a shell starts in the background ignores Ctrl-C, and so does what that starts: tests send it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Was the long form asked for?"""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def work() -> Callable[[Callable[[], object]], int]:
    """How many calls, of Python and of C functions, an action makes: what it costs, the same on a busy machine."""

    def count(action: Callable[[], object]) -> int:
        calls = 0

        def on(frame: Any, event: str, argument: Any) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(on)
        try:
            action()
        finally:
            sys.setprofile(before)
        return calls

    return count


@pytest.fixture(autouse=True)
def paths_as_before() -> Iterator[None]:
    """The folders of loaded files become importable: hundreds of them made each search for a module a hundred times as
    long, for every test that came later."""
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.fixture(scope="session", autouse=True)
def _own_cache() -> Iterator[None]:
    """The commands that tests start keep their plans in a folder of this session, never in that of who runs it; and
    they keep byte code, or each would compile all of Conductor."""
    names = ("XDG_CACHE_HOME", "PYTHONDONTWRITEBYTECODE")
    before = {name: os.environ.pop(name, None) for name in names}
    with tempfile.TemporaryDirectory(prefix="cflow-cache-", ignore_cleanup_errors=True) as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


HANGS = 900
"""Seconds after which a test is taken to hang."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if not item.config.getoption("--long"):
        faulthandler.dump_traceback_later(HANGS, exit=True)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
