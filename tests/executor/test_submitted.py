"""Runs that were submitted: cancelled before and while they run, and by Ctrl-C."""

from __future__ import annotations

import concurrent.futures
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
import trio

from cflow import Engine, flow, node, transaction

LOG: list[str] = []
BEGUN = threading.Event()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()
    BEGUN.clear()


@node(writes="w")
async def write(x: str) -> str:
    LOG.append(x)
    BEGUN.set()
    return x


@node(writes="w")
async def unwrite(x: str) -> None:
    LOG.append(f"undo {x}")


@node(reads="r")
async def forever(x: str) -> str:
    await trio.sleep_forever()
    return x


@node(reads="r")
async def interrupted(x: str) -> str:
    raise KeyboardInterrupt(x)


@flow
def waits(x: str) -> str:
    with transaction():
        write.options(undo=unwrite)(x)
        return forever(x)


@flow
def quick(x: str) -> str:
    return write(x)


@flow
def breaks(x: str) -> str:
    return interrupted(x)


def test_a_running_one_is_cancelled_and_undone() -> None:
    engine = Engine()
    future = engine.submit(waits, "a")
    assert BEGUN.wait(30)
    assert future.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result()
    assert LOG == ["a", "undo a"]
    assert not future.cancel()
    done = engine.submit(quick, "b")
    assert done.result() == "b"
    assert not done.cancel()


def test_an_interrupt_that_a_node_raises_is_its_own() -> None:
    future = Engine().submit(breaks, "x")
    assert isinstance(future.exception(), KeyboardInterrupt)


PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from cflow import Engine
from test_submitted import waits, write, unwrite
future = Engine().submit(waits, "a")
import test_submitted
test_submitted.BEGUN.wait(30)
try:
    print("begun", flush=True)  # from here on the signal may come
    future.result()
except KeyboardInterrupt:
    print("interrupted", flush=True)
try:
    future.result()
except BaseException as error:
    print(type(error).__name__, test_submitted.LOG)
"""


def test_ctrl_c_reaches_one_that_is_waited_for() -> None:
    folder = str(__file__).rpartition("/")[0]
    process: Any = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(folder=folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
    finally:
        process.kill()
    assert rest == "interrupted\nCancelledError ['a', 'undo a']\n"
