"""Flows that wait in queues, for tests in which their process is killed: each leaves lines in a file beside."""

from __future__ import annotations

import os
import time

import trio

from cflow import context, flow, node


def say(what: str) -> None:
    handle = os.open(os.environ["EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{what} {os.getpid()} {context().key}\n".encode())
    os.close(handle)


@node(writes="file")
def work(number: int) -> int:
    say(f"begin {number}")
    time.sleep(0.01)
    say(f"end {number}")
    return number


@node(writes="file")
def hang(number: int) -> int:
    """The first process that comes here is killed here."""
    say(f"begin {number}")
    if "HANG" in os.environ:
        time.sleep(600)
    say(f"end {number}")
    return number


@flow
def job(number: int) -> int:
    return work(number)


@flow
def stuck(number: int) -> int:
    return hang(number)


@node(writes="file")
async def wait() -> None:
    say("begin 0")
    await trio.sleep_forever()


@flow
def waits() -> None:
    wait()
