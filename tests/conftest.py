"""What every area's tests share: the flag that asks for the long form of a test, a cache of their own, processes that
end with their test, and a watch over tests that hang.

No test says how long something may take: a busy machine would answer for it. What would never end (days that are really
slept, a program that doubles with each line) is ended here, with the traces of all threads.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest

# How long an example takes, to make or to run, is the machine's.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


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


@pytest.fixture
def popen() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """As ``subprocess.Popen`` with text. What it starts ends with the test at the latest, and soon enough that nobody
    waits for ever for what it prints or for its end: then the test fails."""
    started: list[tuple[subprocess.Popen[str], threading.Timer]] = []

    def start(command: list[str], **options: Any) -> subprocess.Popen[str]:
        process: subprocess.Popen[str] = subprocess.Popen(command, text=True, **options)
        end = threading.Timer(PROCESS, process.kill)
        end.daemon = True
        end.start()
        started.append((process, end))
        return process

    yield start
    for process, end in started:
        end.cancel()
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):  # of what was never read
                    stream.close()


PROCESS = 300
"""Seconds that a process of a test lives at most."""

HANGS = 900
"""Seconds after which a test is taken to hang."""

ENDS = 60
"""The same for the end of the session: a test that has failed may have left behind what never ends."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if not item.config.getoption("--long"):
        faulthandler.dump_traceback_later(HANGS, exit=True)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # workers wait for one another, and are ended
        faulthandler.dump_traceback_later(ENDS, exit=True)
