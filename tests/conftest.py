"""What every area's tests share: the flag that asks for the long form of a test, and a watch over tests that hang.

No test says how long something may take: a busy machine would answer for it. What would never end (days that are really
slept, a program that doubles with each line) is ended here, with the traces of all threads.
"""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long form of tests that have one (minutes)")


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Was the long form asked for?"""
    return bool(request.config.getoption("--long"))


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
