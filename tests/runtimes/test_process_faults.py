"""``runs="process"`` where the node's own code does what spoils its process, or the way back."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cflow import node
from cflow.runtimes.pool import POOL
from cflow.runtimes.port import ForeignError, NodeCrashed


def again(n: int) -> int:
    return again(n + 1)


class Bottomless:
    """Sent, and never made."""

    def __reduce__(self) -> Any:
        return again, (0,)


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@node(reads="p", runs="process")
def spoil(how: str, *more: Any) -> Any:
    match how:
        case "pipe":
            os.closerange(3, 10_000)  # its own have the numbers that they had in this process
        case "flood":
            for _ in range(2000):
                print("x" * 1000, file=sys.stderr)
        case "line":
            print("x" * 5_000_000)
        case "mute":
            raise Mute
        case "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        case "close":
            raise GeneratorExit
        case "deep":
            deep: list[Any] = []
            for _ in range(100_000):
                deep = [deep]
            return deep
        case "bottomless":
            return Bottomless()
        case "fork":  # both go on
            child = os.fork()
            print("two lines")
            logging.getLogger("cflow.node").warning("and two of a log")
            if child:
                os.waitpid(child, 0)
        case "pool":
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return pool.map(abs, [-1, -2])
        case "threads":
            for _ in range(5):
                threading.Thread(target=lambda: [print("late") for _ in range(100)]).start()
        case "stdout":
            sys.stdout = None  # type: ignore[assignment]
        case "folder":
            os.chdir("/")
    return "done"


@node(reads="p", runs="process")
def whole() -> tuple[int, str]:
    print("heard")
    return os.getpid(), os.getcwd()


@pytest.fixture(autouse=True, scope="module")
def _no_worker_is_left() -> Iterator[None]:
    yield
    POOL.close()


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("pipe", NodeCrashed),
        ("flood", None),
        ("line", None),
        ("mute", Mute),
        ("interrupt", ForeignError),
        ("close", ForeignError),
        ("deep", Exception),
        ("bottomless", RecursionError),
        ("fork", None),
        ("pool", None),
        ("threads", None),
        ("stdout", None),
        ("folder", None),
    ],
)
def test_the_next_call_finds_all_as_it_should_be(
    how: str, error: type[Exception] | None, capfd: pytest.CaptureFixture[str]
) -> None:
    before, folder = whole()
    if error is None:
        assert spoil(how) == ([1, 2] if how == "pool" else "done")
    else:
        with pytest.raises(error) as caught:
            spoil(how)
        if how == "bottomless":
            assert "spoil has a result" in caught.value.__notes__[0]
    capfd.readouterr()
    for _ in range(3):
        after, where = whole()
        assert where == folder == os.getcwd()
        assert (after == before) == (how != "pipe")
        assert "heard\n" in capfd.readouterr().out


def test_what_cannot_be_made_of_the_arguments_is_the_error_of_the_call() -> None:
    before, _ = whole()
    with pytest.raises(RecursionError):
        spoil("", Bottomless())
    assert whole()[0] == before
