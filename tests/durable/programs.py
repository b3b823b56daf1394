"""Flows for the tests of runs that are killed. Every write goes to a file outside of the store, a line each."""

from __future__ import annotations

import os
from pathlib import Path

import trio

from cflow import context, flow, node, parallel, transaction


def _say(what: str) -> None:
    with Path(os.environ["EFFECTS"]).open("a") as log:
        log.write(f"{what} {context().key}\n")


@node(writes="file")
async def write(what: str) -> str:
    await trio.sleep(0.002)
    _say(what)
    return what


@node(reads="clock")
async def look(n: int) -> int:
    await trio.sleep(0.001)
    return n


@node(writes="file")
async def unbook(what: str) -> None:
    await trio.sleep(0.002)
    _say(f"-{what}")


@node(writes="file", undo=unbook)
async def book(what: str) -> str:
    await trio.sleep(0.002)
    _say(what)
    return what


@node(writes="file", retry=3)
async def flaky(what: str) -> str:
    await trio.sleep(0.001)
    if context().attempt < 3:
        raise OSError(what)
    _say(what)
    return what


@flow
def inner(name: str) -> str:
    a = write(f"{name}a")
    n = look(1)
    b = write(f"{name}b{n}")
    return a + b


@flow
def straight(size: int = 20) -> list[str]:
    out = []
    for i in range(size):
        seen = look(i)
        out.append(write(f"w{seen}"))
    return out


@flow
def wide(size: int = 20) -> list[str]:
    return [inner(f"p{i}") for i in parallel(range(size), limit=5)]


@flow
def booked(size: int = 6) -> str:
    try:
        with transaction():
            for i in range(size):
                book(f"b{i}")
            flaky("f")
            raise ValueError("no")
    except ValueError as e:
        write("caught")
        return str(e)
    finally:
        write("finally")
