"""Runs that were submitted: cancelled before and while they run, and by Ctrl-C."""

from __future__ import annotations

import concurrent.futures
import subprocess
import sys
import threading

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
import os, signal, sys, threading, time
sys.path.insert(0, {folder!r})
from cflow import Engine
from test_submitted import waits, write, unwrite

def interrupts_the_one_who_waits(waiter):
    names = []
    while names[:2] != ["wait", "result"]:
        time.sleep(0.01)
        frame, names = sys._current_frames()[waiter], []
        while frame is not None:
            names.append(frame.f_code.co_name)
            frame = frame.f_back
    os.kill(os.getpid(), signal.SIGINT)

future = Engine().submit(waits, "a")
import test_submitted
test_submitted.BEGUN.wait(30)
threading.Thread(target=interrupts_the_one_who_waits, args=[threading.get_ident()], daemon=True).start()
try:
    future.result()
except KeyboardInterrupt:
    print("interrupted")
try:
    future.result()
except BaseException as error:
    print(type(error).__name__, test_submitted.LOG)
"""


def test_ctrl_c_reaches_one_that_is_waited_for() -> None:
    folder = str(__file__).rpartition("/")[0]
    program = [sys.executable, "-c", PROGRAM.format(folder=folder)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "interrupted\nCancelledError ['a', 'undo a']\n", done.stderr
